"""all-MiniLM-L6-v2, a sentence embedder, from its safetensors weights to ONNX without PyTorch.

Architecture: BERT with 6 layers (Wang et al. 2020, MiniLM), mean over the tokens, length 1 (Reimers & Gurevych 2019).
Inputs `ids` and `mask` (n, tokens) int64; output `vector` (n, 384) float32. Kept in float32: dynamic int8 takes a third
of the time, but makes a text's vector depend on its batch and on the processor, and 3 ms a text is fast enough.
"""

import json
import struct

import numpy as np
import onnx
from onnx import TensorProto, helper

from retrieval.embedders.build_graph import Graph, Weights

WIDTH, HEADS, LAYERS = 384, 12, 6
LAYER_NORM_EPSILON = 1e-12
MASKED = -10_000.0
"""Added to the attention of a padding token, as BERT does."""

DTYPES = {"F32": "<f4", "I64": "<i8"}


def read_weights(data: bytes) -> Weights:
    """Tensors by name from a safetensors file: the header's length, a JSON header, then raw contents."""
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    contents = memoryview(data)[8 + length :]
    return {
        name: np.frombuffer(contents[slice(*entry["data_offsets"])], DTYPES[entry["dtype"]]).reshape(entry["shape"])
        for name, entry in header.items()
        if name != "__metadata__"
    }


def text_model(weights: Weights) -> onnx.ModelProto:
    """The network as ONNX, checked."""
    graph = _TextModel(weights)
    present = graph.node("Cast", "mask", to=TensorProto.FLOAT)
    ignore = graph.node("Mul", graph.node("Sub", graph.constant(1.0), present), graph.constant(MASKED))
    ignore = graph.node("Unsqueeze", ignore, graph.integers(1, 2))
    at = graph.embeddings()
    for layer in range(LAYERS):
        at = graph.layer(at, ignore, f"encoder.layer.{layer}.")
    weight = graph.node("Unsqueeze", present, graph.integers(2))
    tokens = graph.integers(1)
    total = graph.node("ReduceSum", graph.node("Mul", at, weight), tokens, keepdims=0)
    mean = graph.node("Div", total, graph.node("ReduceSum", weight, tokens, keepdims=0))
    return graph.model(
        "all-MiniLM-L6-v2",
        [helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "tokens"]) for name in ("ids", "mask")],
        graph.node("LpNormalization", mean, axis=-1, p=2),
        helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["n", WIDTH]),
    )


class _TextModel(Graph):
    """The network's parts."""

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        self.weights = weights

    def integers(self, *values: int) -> str:
        return self.constant(values, np.int64)

    def linear(self, at: str, name: str) -> str:
        product = self.node("MatMul", at, self.constant(self.weights[f"{name}.weight"].T))
        return self.node("Add", product, self.constant(self.weights[f"{name}.bias"]))

    def layer_norm(self, at: str, name: str) -> str:
        scale, shift = (self.constant(self.weights[f"{name}.{part}"]) for part in ("weight", "bias"))
        return self.node("LayerNormalization", at, scale, shift, axis=-1, epsilon=LAYER_NORM_EPSILON)

    def embeddings(self) -> str:
        """Word, place and segment; all tokens are of the first segment."""
        words = self.node("Gather", self.constant(self.weights["embeddings.word_embeddings.weight"]), "ids")
        length = self.node("Gather", self.node("Shape", "ids"), self.integers(1), axis=0)
        places = self.constant(self.weights["embeddings.position_embeddings.weight"])
        at = self.node("Add", words, self.node("Slice", places, self.integers(0), length))
        at = self.node("Add", at, self.constant(self.weights["embeddings.token_type_embeddings.weight"][0]))
        return self.layer_norm(at, "embeddings.LayerNorm")

    def layer(self, at: str, ignore: str, name: str) -> str:
        """Attention and feed-forward, each added to its input and normalised."""
        attended = self.linear(self.attention(at, ignore, name + "attention.self."), name + "attention.output.dense")
        at = self.layer_norm(self.node("Add", attended, at), name + "attention.output.LayerNorm")
        inner = self.gelu(self.linear(at, name + "intermediate.dense"))
        return self.layer_norm(
            self.node("Add", self.linear(inner, name + "output.dense"), at), name + "output.LayerNorm"
        )

    def attention(self, at: str, ignore: str, name: str) -> str:
        heads = self.integers(0, 0, HEADS, WIDTH // HEADS)
        query, key, value = (
            self.node("Reshape", self.linear(at, name + part), heads) for part in ("query", "key", "value")
        )
        query, value = (self.node("Transpose", part, perm=[0, 2, 1, 3]) for part in (query, value))
        key = self.node("Transpose", key, perm=[0, 2, 3, 1])
        scale = self.constant(1 / np.sqrt(WIDTH / HEADS))
        weights = self.node("Mul", self.node("MatMul", query, key), scale)
        weights = self.node("Softmax", self.node("Add", weights, ignore), axis=-1)
        mixed = self.node("Transpose", self.node("MatMul", weights, value), perm=[0, 2, 1, 3])
        return self.node("Reshape", mixed, self.integers(0, 0, WIDTH))

    def gelu(self, at: str) -> str:
        error = self.node("Erf", self.node("Mul", at, self.constant(1 / np.sqrt(2))))
        return self.node("Mul", self.node("Mul", at, self.constant(0.5)), self.node("Add", error, self.constant(1.0)))
