"""Putting an ONNX graph together node by node. What takes and gives `str` here takes and gives names of tensors."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

Array = npt.NDArray[Any]
Weights = Mapping[str, Array]
"""Tensors of a weights file, by name."""

OPSET, IR_VERSION = 17, 8
"""Old enough for every onnxruntime that the project accepts."""


class Graph:
    """Nodes and constants so far."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def constant(self, array: npt.ArrayLike, dtype: npt.DTypeLike = np.float32) -> str:
        name = f"w{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.array(array, dtype, order="C"), name))
        return name

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"t{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def model(
        self, name: str, inputs: list[onnx.ValueInfoProto], at: str, output: onnx.ValueInfoProto
    ) -> onnx.ModelProto:
        """The model whose output is the tensor `at`, checked."""
        self._nodes.append(helper.make_node("Identity", [at], [output.name]))
        graph = helper.make_graph(self._nodes, name, inputs, [output], self._constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        onnx.checker.check_model(model)
        return model
