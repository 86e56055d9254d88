"""
Exports Keras networks with random weights as ONNX (Keras's own export, which is tf2onnx) and as .keras, and compares
ct-xai-bench with Keras in float64, as zoo.py does with PyTorch. Leaves a file of results for each network; zoo.py
--page-only then writes docs/zoo.md.

    npm run build
    pip install -r tools/zoo/requirements-keras.txt       (in an environment of its own)
    python tools/zoo/keras_zoo.py [--only PATTERN] [--results FOLDER] [--again]
"""

import argparse
import fnmatch
import os
import tempfile
import zlib
from importlib.metadata import version
from pathlib import Path

os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "KERAS_BACKEND": "tensorflow"}
import keras
import numpy as np
import onnx
import tensorflow as tf

from keras_networks import NETWORKS
from results import BASELINE, HERE, TARGET, compare, first_line, float32_errors, relative, run_all

CLASSES = 10
CHANNELS = 3


def made(name, precision="float32"):
    kind, size, options = NETWORKS[name]
    keras.config.set_dtype_policy(precision)
    make = getattr(keras.applications, kind)
    return make(weights=None, classes=CLASSES, classifier_activation=None, input_shape=(size, size, CHANNELS), **options)


def with_weights(name, rng):
    """The network in float32 with random weights, none of them at the value that initialisation leaves all alike."""
    keras.utils.set_random_seed(zlib.crc32(name.encode()))
    network = made(name)
    for weight in network.trainable_weights:
        value = np.asarray(weight)
        # Zeros, ones and layer scales of 1e-6 would leave whole branches untested.
        if value.size > 1 and value.std() < 1e-4:
            weight.assign(value + 0.1 * rng.standard_normal(value.shape))
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    # Batch statistics of a few random images.
    network(images(8, network.input_shape[1], rng), training=True)
    return network


def images(count, size, rng):
    """Smooth textures with noise, of the range that the networks' own rescaling expects."""
    axis = np.linspace(0, 1, size)
    found = np.empty((count, size, size, CHANNELS), np.float32)
    for i in range(count):
        for c in range(CHANNELS):
            a, b, p = rng.uniform(0, 12, 3)
            texture = np.outer(np.sin(a * axis + p), np.cos(b * axis + p)) + 0.3 * rng.standard_normal((size, size))
            found[i, :, :, c] = texture
    return found


def gradient_of(network, image):
    image = tf.convert_to_tensor(image)
    with tf.GradientTape() as tape:
        tape.watch(image)
        scores = network(image, training=False)
        score = scores[0, TARGET]
    return scores.numpy(), tape.gradient(score, image).numpy()


def by_differences(network, image, gradient, step=1e-5):
    """How far the score's slope along the gradient, by a central difference, is from the gradient's size."""
    size = np.linalg.norm(gradient)
    step *= np.linalg.norm(image)
    above, below = (network(image + sign * step * gradient / size, training=False)[0, TARGET] for sign in (1, -1))
    return float(abs((above - below) / (2 * step * size) - 1))


def at_nearby_images(network, image, gradient, rng):
    """How far the gradient moves, at most, when the image changes by as little as float32 rounds: far at a kink."""
    nearby = (image + 1e-7 * rng.standard_normal(image.shape) for _ in range(4))
    return max(relative(gradient_of(network, moved)[1], gradient) for moved in nearby)


def cam_error(network, image, activations, slopes):
    """Grad-CAM at the layer of Keras that has our layer's values: the difference as a share of the largest value."""
    channels = activations.shape[-1]
    pixels = activations.shape[0]
    tensors = [
        tensor
        for layer in network.layers
        for node in layer._inbound_nodes
        for tensor in node.output_tensors
        if len(tensor.shape) == 4 and tensor.shape[3] == channels and tensor.shape[1] * tensor.shape[2] == pixels
    ]
    if not tensors:
        return None
    both = keras.Model(network.inputs, [*tensors, network.output])
    with tf.GradientTape(persistent=True) as tape:
        given = tf.convert_to_tensor(image)
        tape.watch(given)
        *found, scores = both(given, training=False)
        score = scores[0, TARGET]
    offs = [relative(f.numpy().reshape(pixels, channels), activations) for f in found]
    if min(offs) > 1e-2:
        return None
    # An exporter makes one layer of several that do the same to the same tensor: it has all their slopes.
    best = [i for i, off in enumerate(offs) if off <= 2 * min(offs)]
    values = found[best[0]].numpy().reshape(pixels, channels)
    of_each = [tape.gradient(score, found[i]) for i in best]
    of_each = [slope.numpy().reshape(pixels, channels) for slope in of_each if slope is not None]
    if not of_each:
        return None
    theirs = [map_of(values, slope) for slope in (*of_each, sum(of_each))]
    return min(map_error(map_of(activations, slopes), other) for other in theirs)


def map_error(ours, theirs):
    return float(np.abs(ours - theirs).max() / theirs.max()) if theirs.max() > 0 else float(ours.max() > 0)


def map_of(values, slopes):
    return np.maximum(0, (values * slopes.mean(0)).sum(1))


def saved(network, folder):
    """What was exported: name -> (file, opset)."""
    files = {"tf2onnx": folder / "network.onnx", "keras": folder / "network.keras"}
    found, errors = {}, {}
    try:
        network.export(str(files["tf2onnx"]), format="onnx", verbose=False)
        opset = next(o.version for o in onnx.load(files["tf2onnx"]).opset_import if o.domain == "")
        found["tf2onnx"] = (files["tf2onnx"], opset)
    except Exception as error:
        errors["tf2onnx"] = {"export_error": first_line(error)}
    network.save(files["keras"])
    found["keras"] = (files["keras"], "")
    return found, errors


def run(name):
    """The results of one network, as zoo.py has them."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    network = with_weights(name, rng)
    size = network.input_shape[1]
    image = images(1, size, rng)
    baseline = np.full_like(image, BASELINE)
    scores32, gradient32 = gradient_of(network, image)
    differences32 = scores32[0] - network(baseline, training=False).numpy()[0]
    result = {"name": name, "parameters": network.count_params(), "size": size, "channels": CHANNELS}
    result["versions"] = {p: version(p) for p in ("keras", "tensorflow-cpu", "tf2onnx")}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        files, result["exports"] = saved(network, folder)
        double = made(name, "float64")
        double.set_weights(network.get_weights())
        image64, baseline64 = image.astype(np.float64), baseline.astype(np.float64)
        scores, gradient = gradient_of(double, image64)
        result["difference_error"] = by_differences(double, image64, gradient)
        differences = scores[0] - double(baseline64, training=False).numpy()[0]
        lift = int(np.abs(differences).argmax())
        single = (scores32, gradient32, differences32)
        result["torch32"] = float32_errors(single, (scores, gradient, differences), lift)
        reference = {
            "scores": scores[0],
            "gradient": gradient[0],
            "lift": lift,
            "difference": differences[lift],
            "nearby": lambda: at_nearby_images(double, image64, gradient, rng),
            "cam_error": lambda values, slopes: cam_error(double, image64, values, slopes),
        }
        compared, nearby = compare(folder, files, image[0], reference, "NHWC")
        result["exports"] |= compared
        if nearby is not None:
            result["nearby"] = nearby
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="*", help="names to run, such as 'keras/Mobile*'")
    parser.add_argument("--results", type=Path, default=HERE / "results", help="where results are kept")
    parser.add_argument("--again", action="store_true", help="run networks that have results, too")
    given = parser.parse_args()
    run_all(fnmatch.filter(NETWORKS, given.only), given.results, given.again, run)


if __name__ == "__main__":
    main()
