"""EfficientNet-Lite0, a classifier of ImageNet's 1,000 classes, from its PyTorch weights to ONNX without PyTorch.

Architecture: Tan & Le 2019 (EfficientNet) in the Lite variant (no squeeze-and-excite, ReLU6, fixed stem and head).
Batch normalisation is folded into the convolutions. Input `picture` (n, 3, 224, 224) float32, RGB, (byte - 127) / 128;
output `logits` (n, 1000), in the order of `imagenet_classes.tsv`.
"""

import collections
import io
import pickle
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

from retrieval.embedders.build_graph import Array, Graph, Weights

SIZE = 224
CLASSES = 1000
BATCH_NORM_EPSILON = 1e-3
# repeats, kernel, stride of the first block, expansion (Tan & Le 2019, table 1)
STAGES = ((1, 3, 1, 1), (2, 3, 2, 6), (2, 5, 2, 6), (3, 3, 2, 6), (3, 5, 1, 6), (4, 5, 2, 6), (1, 3, 1, 6))

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
STORAGE_TYPES = {"FloatStorage": "<f4", "LongStorage": "<i8"}


def read_weights(data: bytes) -> Weights:
    """Tensors by name from a file that `torch.save` wrote before version 1.6: five pickles, then raw storages.

    Only tensors and plain containers are understood; a pickle that names anything else is refused, so that no code
    from the file can run.

    Raises:
        pickle.UnpicklingError: the file is something else.
    """
    file = io.BytesIO(data)
    storages: dict[str, npt.DTypeLike] = {}
    magic, _version, _c_types, tensors, keys = (_TensorReader(file, storages).load() for _ in range(5))
    if magic != LEGACY_MAGIC:
        raise pickle.UnpicklingError("not a file of torch.save in its legacy format")
    contents: dict[str, Array] = {}
    for key in keys:
        (count,) = struct.unpack("<q", file.read(8))
        contents[key] = np.frombuffer(file.read(count * np.dtype(storages[key]).itemsize), storages[key])
    return {name: tensor.of(contents) for name, tensor in tensors.items()}


@dataclass(frozen=True)
class _Tensor:
    """A view into a storage; offset and strides count elements, and strides may have any order."""

    storage: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def of(self, storages: Mapping[str, Array]) -> Array:
        elements = np.full(self.shape, self.offset, np.int64)
        for axis, (size, stride) in enumerate(zip(self.shape, self.strides, strict=True)):
            along = [1] * len(self.shape)
            along[axis] = size
            elements += np.arange(size).reshape(along) * stride
        return storages[self.storage][elements]


class _TensorReader(pickle.Unpickler):
    """Reads tensors without their contents, and notes the types of the storages they name."""

    def __init__(self, file: io.BytesIO, storages: dict[str, npt.DTypeLike]) -> None:
        super().__init__(file)
        self.storages = storages

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *_: _Tensor(storage, offset, shape, strides)
        if module == "torch" and name in STORAGE_TYPES:
            return STORAGE_TYPES[name]
        raise pickle.UnpicklingError(f"{module}.{name} is not part of a weights file")

    def persistent_load(self, pid: Any) -> str:
        _, dtype, key, *_ = pid
        self.storages[key] = dtype
        return str(key)


def classifier_model(weights: Weights) -> onnx.ModelProto:
    """The network as ONNX, checked."""
    graph = _Classifier(weights)
    at = graph.convolution("picture", "_conv_stem", "_bn0", kernel=3, stride=2)
    block = 0
    for repeats, kernel, first_stride, expansion in STAGES:
        for repeat in range(repeats):
            at = graph.inverted_residual(at, block, kernel, first_stride if repeat == 0 else 1, expansion)
            block += 1
    at = graph.convolution(at, "_conv_head", "_bn1")
    at = graph.node("Flatten", graph.node("GlobalAveragePool", at))
    logits = graph.node(
        "Gemm", at, graph.constant(weights["_fc.weight"]), graph.constant(weights["_fc.bias"]), transB=1
    )
    return graph.model(
        "efficientnet-lite0",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", 3, SIZE, SIZE])],
        logits,
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", CLASSES]),
    )


class _Classifier(Graph):
    """The network's parts."""

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        self.weights = weights
        self.zero, self.six = self.constant(0.0), self.constant(6.0)

    def convolution(
        self, at: str, name: str, norm: str, *, kernel: int = 1, stride: int = 1, groups: int = 1, relu: bool = True
    ) -> str:
        """Convolution and batch normalisation as one, padded as TensorFlow's "same" does for even sizes."""
        scale, shift, mean, variance = (
            self.weights[f"{norm}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = scale / np.sqrt(variance + BATCH_NORM_EPSILON)
        folded = self.weights[f"{name}.weight"] * scale[:, None, None, None]
        before, after = (kernel - stride) // 2, (kernel - stride + 1) // 2
        at = self.node(
            "Conv", at, self.constant(folded), self.constant(shift - mean * scale),
            kernel_shape=[kernel, kernel], strides=[stride, stride], pads=[before, before, after, after], group=groups,
        )  # fmt: skip
        return self.node("Clip", at, self.zero, self.six) if relu else at

    def inverted_residual(self, at: str, block: int, kernel: int, stride: int, expansion: int) -> str:
        """Expand, convolve each channel, project; the input is added where nothing changed its shape."""
        start, prefix = at, f"_blocks.{block}."
        if expansion != 1:
            at = self.convolution(at, prefix + "_expand_conv", prefix + "_bn0")
        channels = len(self.weights[prefix + "_depthwise_conv.weight"])
        at = self.convolution(
            at, prefix + "_depthwise_conv", prefix + "_bn1", kernel=kernel, stride=stride, groups=channels
        )
        at = self.convolution(at, prefix + "_project_conv", prefix + "_bn2", relu=False)
        same = stride == 1 and channels == expansion * len(self.weights[prefix + "_project_conv.weight"])
        return self.node("Add", at, start) if same else at
