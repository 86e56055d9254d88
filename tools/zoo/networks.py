"""The networks of the zoo: name -> (how it is made, image size, channels). Weights are random."""

import torch
from torch import nn


class MeanOfPixels(nn.Module):
    """A segmentation network as a classifier: the score of a class is the mean of its pixels' logits."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, image):
        found = self.network(image)
        found = found["out"] if isinstance(found, dict) else found
        found = found[0] if isinstance(found, (list, tuple)) else found
        return found.mean(dim=(2, 3))


def torchvision(name, size, **options):
    def make():
        import torchvision

        return torchvision.models.get_model(name, weights=None, num_classes=10, **options)

    return make, size, 3


def segmentation(name, size):
    def make():
        import torchvision

        network = torchvision.models.get_model(name, weights=None, weights_backbone=None, num_classes=4)
        return MeanOfPixels(network)

    return make, size, 3


def timm(name, size=None, **options):
    def make():
        import timm

        return timm.create_model(name, pretrained=False, num_classes=10, **options)

    return make, size, 3


def sized(name, size):
    """A timm network whose positions are made for the image's size."""
    return timm(name, size, img_size=size)


def xrv(size=96):
    def make():
        import torchxrayvision.models as models

        return models.DenseNet(num_classes=14, in_channels=1, apply_sigmoid=False)

    return make, size, 1


def monai(name, size, **options):
    def make():
        import monai.networks.nets as nets

        network = getattr(nets, name)(**options)
        if name == "ViT":
            network = First(network)
        return MeanOfPixels(network) if name in SEGMENTING else network

    return make, size, 1


SEGMENTING = {"UNet", "AttentionUnet", "SegResNet", "BasicUNet", "SwinUNETR", "DynUNet", "FlexibleUNet"}


class First(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, image):
        return self.network(image)[0]


def smp(kind, encoder, size=96):
    def make():
        import segmentation_models_pytorch as models

        network = getattr(models, kind)(encoder, encoder_weights=None, in_channels=1, classes=3)
        return MeanOfPixels(network)

    return make, size, 1


FLAT = {"spatial_dims": 2, "in_channels": 1, "out_channels": 4}
NETWORKS = {
    "torchvision/resnet18": torchvision("resnet18", 96),
    "timm/convnext_atto": timm("convnext_atto", 96),
    "timm/vit_tiny_patch16_224": sized("vit_tiny_patch16_224", 96),
    "monai/DenseNet121": monai("DenseNet121", 96, **FLAT),
    "torchxrayvision/DenseNet": xrv(),
    "monai/UNet": monai("UNet", 64, **FLAT, channels=(8, 16, 32), strides=(2, 2), num_res_units=1),
    "timm/swin_tiny_patch4_window7_224": sized("swin_tiny_patch4_window7_224", 224),
    "torchvision/mobilenet_v3_small": torchvision("mobilenet_v3_small", 96),
    "timm/efficientnet_b0": timm("efficientnet_b0", 96),
    "timm/maxvit_rmlp_pico_rw_256": timm("maxvit_rmlp_pico_rw_256", 256),
    "timm/coatnet_nano_rw_224": timm("coatnet_nano_rw_224", 224),
    "timm/pvt_v2_b0": timm("pvt_v2_b0", 96),
    "timm/levit_128s": timm("levit_128s", 224),
    "timm/mobilevit_xxs": timm("mobilevit_xxs", 128),
    "timm/mobilevitv2_050": timm("mobilevitv2_050", 128),
    "timm/efficientformer_l1": timm("efficientformer_l1", 224),
    "timm/efficientvit_b0": timm("efficientvit_b0", 96),
    "timm/efficientvit_m0": timm("efficientvit_m0", 224),
    "timm/hiera_tiny_224": timm("hiera_tiny_224", 224),
    "timm/twins_svt_small": timm("twins_svt_small", 224),
    "timm/xcit_nano_12_p16_224": timm("xcit_nano_12_p16_224", 224),
    "timm/cait_xxs24_224": sized("cait_xxs24_224", 96),
    "timm/deit3_small_patch16_224": sized("deit3_small_patch16_224", 96),
    "timm/beit_base_patch16_224": sized("beit_base_patch16_224", 96),
    "timm/eva02_tiny_patch14_224": sized("eva02_tiny_patch14_224", 98),
    "timm/vit_small_patch16_dinov3": timm("vit_small_patch16_dinov3", 96),
    "timm/naflexvit_base_patch16_gap": timm("naflexvit_base_patch16_gap", 96),
    "timm/mixer_s32_224": sized("mixer_s32_224", 96),
    "timm/resmlp_12_224": sized("resmlp_12_224", 96),
    "timm/gmlp_ti16_224": sized("gmlp_ti16_224", 96),
    "timm/poolformer_s12": timm("poolformer_s12", 96),
    "timm/caformer_s18": timm("caformer_s18", 96),
    "timm/edgenext_xx_small": timm("edgenext_xx_small", 96),
    "timm/fastvit_t8": timm("fastvit_t8", 96),
    "timm/repvit_m0_9": timm("repvit_m0_9", 96),
    "timm/starnet_s1": timm("starnet_s1", 96),
    "timm/tiny_vit_5m_224": timm("tiny_vit_5m_224", 224),
    "timm/davit_tiny": timm("davit_tiny", 224),
    "timm/focalnet_tiny_srf": timm("focalnet_tiny_srf", 96),
    "timm/gcvit_xxtiny": timm("gcvit_xxtiny", 224),
    "timm/nest_tiny": timm("nest_tiny", 224),
    "timm/volo_d1_224": timm("volo_d1_224", 224),
    "timm/crossvit_tiny_240": timm("crossvit_tiny_240", 240),
    "timm/convit_tiny": timm("convit_tiny", 224),
    "timm/coat_tiny": timm("coat_tiny", 224),
    "timm/visformer_tiny": timm("visformer_tiny", 224),
    "timm/sequencer2d_s": timm("sequencer2d_s", 224),
    "timm/mambaout_femto": timm("mambaout_femto", 96),
    "timm/inception_next_atto": timm("inception_next_atto", 96),
    "timm/hgnetv2_b0": timm("hgnetv2_b0", 96),
    "timm/rdnet_tiny": timm("rdnet_tiny", 96),
    "timm/nf_resnet50": timm("nf_resnet50", 96),
    "timm/nfnet_f0": timm("nfnet_f0", 96),
    "timm/resnetv2_50": timm("resnetv2_50", 96),
    "timm/resnest14d": timm("resnest14d", 96),
    "timm/skresnet18": timm("skresnet18", 96),
    "timm/seresnet18": timm("seresnet18", 96),
    "timm/ecaresnet26t": timm("ecaresnet26t", 96),
    "timm/lambda_resnet26t": timm("lambda_resnet26t", 128),
    "timm/botnet26t_256": timm("botnet26t_256", 256),
    "timm/halonet26t": timm("halonet26t", 256),
    "timm/gernet_s": timm("gernet_s", 96),
    "timm/res2net50_26w_4s": timm("res2net50_26w_4s", 96),
    "timm/dla34": timm("dla34", 96),
    "timm/hrnet_w18_small": timm("hrnet_w18_small", 96),
    "timm/ghostnet_100": timm("ghostnet_100", 96),
    "timm/mobilenetv4_conv_small": timm("mobilenetv4_conv_small", 96),
    "timm/mobileone_s0": timm("mobileone_s0", 96),
    "timm/tresnet_m": timm("tresnet_m", 96),
    "timm/vovnet39a": timm("vovnet39a", 96),
    "timm/cspdarknet53": timm("cspdarknet53", 96),
    "timm/dpn68": timm("dpn68", 96),
    "timm/inception_v4": timm("inception_v4", 128),
    "timm/nasnetalarge": timm("nasnetalarge", 128),
    "timm/regnety_002": timm("regnety_002", 96),
    "timm/selecsls42b": timm("selecsls42b", 96),
    "timm/tf_efficientnetv2_b0": timm("tf_efficientnetv2_b0", 96),
    "timm/xception41": timm("xception41", 128),
    "timm/swinv2_tiny_window8_256": timm("swinv2_tiny_window8_256", 256),
    "torchvision/alexnet": torchvision("alexnet", 96),
    "torchvision/vgg11_bn": torchvision("vgg11_bn", 64),
    "torchvision/squeezenet1_1": torchvision("squeezenet1_1", 96),
    "torchvision/shufflenet_v2_x0_5": torchvision("shufflenet_v2_x0_5", 96),
    "torchvision/densenet121": torchvision("densenet121", 96),
    "torchvision/googlenet": torchvision("googlenet", 96, aux_logits=False),
    "torchvision/inception_v3": torchvision("inception_v3", 128, aux_logits=False),
    "torchvision/mnasnet0_5": torchvision("mnasnet0_5", 96),
    "torchvision/mobilenet_v2": torchvision("mobilenet_v2", 96),
    "torchvision/efficientnet_v2_s": torchvision("efficientnet_v2_s", 96),
    "torchvision/regnet_x_400mf": torchvision("regnet_x_400mf", 96),
    "torchvision/resnext50_32x4d": torchvision("resnext50_32x4d", 96),
    "torchvision/convnext_tiny": torchvision("convnext_tiny", 96),
    "torchvision/vit_b_32": torchvision("vit_b_32", 96, image_size=96),
    "torchvision/swin_v2_t": torchvision("swin_v2_t", 128),
    "torchvision/maxvit_t": torchvision("maxvit_t", 224),
    "torchvision/lraspp_mobilenet_v3_large": segmentation("lraspp_mobilenet_v3_large", 96),
    "torchvision/fcn_resnet50": segmentation("fcn_resnet50", 64),
    "torchvision/deeplabv3_mobilenet_v3_large": segmentation("deeplabv3_mobilenet_v3_large", 96),
    "monai/ResNet18": monai("resnet18", 96, spatial_dims=2, n_input_channels=1, num_classes=4),
    "monai/SEResNet50": monai("SEResNet50", 96, spatial_dims=2, in_channels=1, num_classes=4),
    "monai/EfficientNetBN": monai("EfficientNetBN", 96, model_name="efficientnet-b0", pretrained=False, spatial_dims=2, in_channels=1, num_classes=4),
    "monai/ViT": monai("ViT", 96, in_channels=1, img_size=96, patch_size=16, hidden_size=96, mlp_dim=192, num_layers=4, num_heads=4, classification=True, num_classes=4, spatial_dims=2, post_activation=None),
    "monai/SegResNet": monai("SegResNet", 64, **FLAT, init_filters=8),
    "monai/AttentionUnet": monai("AttentionUnet", 64, **FLAT, channels=(8, 16, 32), strides=(2, 2)),
    "monai/BasicUNet": monai("BasicUNet", 64, **FLAT, features=(8, 8, 16, 32, 64, 8)),
    "smp/Unet-resnet18": smp("Unet", "resnet18"),
    "smp/FPN-resnet18": smp("FPN", "resnet18"),
    "smp/DeepLabV3Plus-mobilenet_v2": smp("DeepLabV3Plus", "mobilenet_v2"),
    "smp/PSPNet-resnet18": smp("PSPNet", "resnet18"),
    "smp/MAnet-resnet18": smp("MAnet", "resnet18"),
    "smp/Segformer-mit_b0": smp("Segformer", "mit_b0"),
    "timm/test_byobnet": timm("test_byobnet", 96),
    "timm/test_convnext": timm("test_convnext", 96),
    "timm/test_convnext2": timm("test_convnext2", 96),
    "timm/test_convnext3": timm("test_convnext3", 96),
    "timm/test_efficientnet": timm("test_efficientnet", 96),
    "timm/test_efficientnet_evos": timm("test_efficientnet_evos", 96),
    "timm/test_efficientnet_gn": timm("test_efficientnet_gn", 96),
    "timm/test_efficientnet_ln": timm("test_efficientnet_ln", 96),
    "timm/test_mambaout": timm("test_mambaout", 96),
    "timm/test_nfnet": timm("test_nfnet", 96),
    "timm/test_resnet": timm("test_resnet", 96),
    "timm/test_vit": timm("test_vit", 160),
    "timm/test_vit2": timm("test_vit2", 160),
    "timm/test_vit3": timm("test_vit3", 160),
    "timm/test_vit4": timm("test_vit4", 160),
    "timm/legacy_seresnet18": timm("legacy_seresnet18", 96),
    "timm/legacy_xception": timm("legacy_xception", 96),
    "timm/dpn48b": timm("dpn48b", 96),
    "timm/convnextv2_atto": timm("convnextv2_atto", 96),
    "timm/repvgg_a0": timm("repvgg_a0", 96),
    "timm/rexnet_100": timm("rexnet_100", 96),
    "timm/lcnet_050": timm("lcnet_050", 96),
    "timm/tinynet_e": timm("tinynet_e", 96),
    "timm/mixnet_s": timm("mixnet_s", 96),
    "timm/semnasnet_075": timm("semnasnet_075", 96),
    "timm/cs3darknet_s": timm("cs3darknet_s", 96),
    "timm/darknet17": timm("darknet17", 96),
    "timm/densenetblur121d": timm("densenetblur121d", 96),
    "timm/res2next50": timm("res2next50", 96),
    "timm/regnetz_005": timm("regnetz_005", 96),
    "timm/fbnetv3_b": timm("fbnetv3_b", 96),
    "timm/eca_nfnet_l0": timm("eca_nfnet_l0", 96),
    "timm/ese_vovnet19b_dw": timm("ese_vovnet19b_dw", 96),
    "timm/cspresnet50": timm("cspresnet50", 96),
    "timm/gcresnext26ts": timm("gcresnext26ts", 96),
    "timm/resnetblur18": timm("resnetblur18", 96),
    "timm/resnetaa34d": timm("resnetaa34d", 96),
    "timm/dla46_c": timm("dla46_c", 96),
    "timm/resnetrs50": timm("resnetrs50", 96),
    "timm/resnetv2_18": timm("resnetv2_18", 96),
    "timm/hgnet_tiny": timm("hgnet_tiny", 96),
    "timm/nf_regnet_b0": timm("nf_regnet_b0", 96),
    "timm/inception_resnet_v2": timm("inception_resnet_v2", 96),
    "timm/fasternet_t0": timm("fasternet_t0", 96),
    "timm/repghostnet_050": timm("repghostnet_050", 96),
    "timm/ghostnetv2_100": timm("ghostnetv2_100", 96),
    "timm/ghostnetv3_050": timm("ghostnetv3_050", 96),
    "timm/convformer_s18": timm("convformer_s18", 96),
    "timm/starnet_s050": timm("starnet_s050", 96),
    "timm/convnext_zepto_rms": timm("convnext_zepto_rms", 96),
    "timm/resnet10t": timm("resnet10t", 96),
    "timm/mobilenetv3_small_050": timm("mobilenetv3_small_050", 96),
    "timm/skresnext50_32x4d": timm("skresnext50_32x4d", 96),
    "timm/vgg11": timm("vgg11", 96),
    "timm/convmixer_768_32": timm("convmixer_768_32", 96),
    "timm/pvt_v2_b1": timm("pvt_v2_b1", 96),
    "timm/deit_tiny_patch16_224": sized("deit_tiny_patch16_224", 96),
    "timm/deit_tiny_distilled_patch16_224": sized("deit_tiny_distilled_patch16_224", 96),
    "timm/flexivit_small": sized("flexivit_small", 96),
    "timm/gmixer_12_224": sized("gmixer_12_224", 96),
    "timm/vit_tiny_r_s16_p8_224": sized("vit_tiny_r_s16_p8_224", 96),
    "timm/vit_relpos_small_patch16_224": sized("vit_relpos_small_patch16_224", 96),
    "timm/swin_s3_tiny_224": sized("swin_s3_tiny_224", 224),
    "timm/pit_ti_224": timm("pit_ti_224", 224),
    "timm/levit_conv_128s": timm("levit_conv_128s", 224),
    "timm/coat_lite_tiny": timm("coat_lite_tiny", 224),
    "timm/mvitv2_tiny": timm("mvitv2_tiny", 224),
    "timm/swiftformer_xs": timm("swiftformer_xs", 224),
    "timm/shvit_s1": timm("shvit_s1", 224),
    "timm/efficientformerv2_s0": timm("efficientformerv2_s0", 224),
    "timm/mobilenetv4_hybrid_medium": timm("mobilenetv4_hybrid_medium", 224),
    "timm/tnt_s_patch16_224": timm("tnt_s_patch16_224", 224),
    "timm/xcit_tiny_12_p8_224": timm("xcit_tiny_12_p8_224", 224),
    "timm/bat_resnext26ts": timm("bat_resnext26ts", 256),
    "timm/twins_pcpvt_small": timm("twins_pcpvt_small", 224),
    "timm/nextvit_small": timm("nextvit_small", 224),
    "timm/vitamin_small_224": timm("vitamin_small_224", 224),
    "timm/maxxvit_rmlp_nano_rw_256": timm("maxxvit_rmlp_nano_rw_256", 256),
    "timm/test_coatnet": timm("test_coatnet", 160),
    "timm/test_maxvit": timm("test_maxvit", 160),
    "timm/csatv2": timm("csatv2", 512),
    "torchvision/resnet50": torchvision("resnet50", 96),
    "torchvision/vgg11": torchvision("vgg11", 96),
    "torchvision/efficientnet_b0": torchvision("efficientnet_b0", 96),
    "torchvision/regnet_y_400mf": torchvision("regnet_y_400mf", 96),
    "torchvision/shufflenet_v2_x1_0": torchvision("shufflenet_v2_x1_0", 96),
    "torchvision/squeezenet1_0": torchvision("squeezenet1_0", 96),
    "torchvision/mobilenet_v3_large": torchvision("mobilenet_v3_large", 96),
}
