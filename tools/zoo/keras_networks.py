"""The Keras networks of the zoo: name -> (constructor in keras.applications, image size, further options). Weights are random."""


def application(kind, size, **options):
    return kind, size, options


NETWORKS = {
    "keras/MobileNet": application("MobileNet", 96, alpha=0.5),
    "keras/MobileNetV2": application("MobileNetV2", 96, alpha=0.5),
    "keras/MobileNetV3Small": application("MobileNetV3Small", 96),
    "keras/EfficientNetB0": application("EfficientNetB0", 96),
    "keras/EfficientNetV2B0": application("EfficientNetV2B0", 96),
    "keras/Xception": application("Xception", 96),
    "keras/ResNet50V2": application("ResNet50V2", 96),
    "keras/ConvNeXtTiny": application("ConvNeXtTiny", 96),
    "keras/DenseNet121": application("DenseNet121", 96),
    "keras/NASNetMobile": application("NASNetMobile", 96),
    "keras/InceptionV3": application("InceptionV3", 128),
    "keras/ResNet50": application("ResNet50", 96),
    "keras/MobileNetV3Large": application("MobileNetV3Large", 96),
    "keras/VGG16": application("VGG16", 64),
    "keras/InceptionResNetV2": application("InceptionResNetV2", 128),
}
