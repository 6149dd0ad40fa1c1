# Protocol buffer bytes written by hand, for messages that no library would write.
VARINT, FIXED64, BYTES, START_GROUP, FIXED32 = 0, 1, 2, 3, 5


def varint(value: int) -> bytes:
    """Base-128 form of an unsigned number, or of a negative one as 64-bit two's complement."""
    value &= 2**64 - 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def tag(number: int, wire_type: int) -> bytes:
    return varint(number << 3 | wire_type)


def number(field: int, value: int) -> bytes:
    return tag(field, VARINT) + varint(value)


def data(field: int, payload: bytes | str) -> bytes:
    payload = payload.encode() if isinstance(payload, str) else payload
    return tag(field, BYTES) + varint(len(payload)) + payload


def nested(levels: int, wrap, innermost: bytes) -> bytes:
    """`innermost` inside `levels` messages. `wrap(length)` gives the bytes before and after a
    payload of that length."""
    before, after, length = [], [], len(innermost)
    for _ in range(levels):
        head, tail = wrap(length)
        before.append(head)
        after.append(tail)
        length += len(head) + len(tail)
    return b"".join(reversed(before)) + innermost + b"".join(after)


# Field numbers of onnx.proto.
MODEL_IR, MODEL_GRAPH, MODEL_OPSET = 1, 7, 8
GRAPH_NODE, GRAPH_NAME, GRAPH_INITIALIZER, GRAPH_INPUT, GRAPH_OUTPUT = 1, 2, 5, 11, 12
NODE_INPUT, NODE_OUTPUT, NODE_NAME, NODE_OP, NODE_ATTRIBUTE = 1, 2, 3, 4, 5
ATTRIBUTE_NAME, ATTRIBUTE_GRAPH, ATTRIBUTE_TYPE, ATTRIBUTE_TYPE_GRAPH = 1, 6, 20, 5
VALUE_NAME, VALUE_TYPE, TYPE_SEQUENCE, SEQUENCE_ELEMENT = 1, 2, 4, 1


def model(graph: bytes, opset: int = 17, ir: int = 8) -> bytes:
    return number(MODEL_IR, ir) + data(MODEL_GRAPH, graph) + data(MODEL_OPSET, number(2, opset))
