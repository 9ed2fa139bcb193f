"""Which tool-call parser a model needs: vLLM answers a request with tools by HTTP 400 without one."""

from __future__ import annotations

import re
from dataclasses import dataclass

from infra.site import Fault

PARSERS_OF_FAMILY: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"qwen3-coder", ("qwen3_xml", "qwen3_coder")),
    (r"qwen2\.5-coder", ()),
    (r"toolace", ("pythonic",)),
    (r"nemotron", ("llama_nemotron_json", "llama3_json", "qwen3_coder")),
    (r"qwen2\.5|qwq|qwen3(?!\.)", ("hermes",)),
    (r"hermes", ("hermes",)),
    (r"llama-?4", ("llama4_pythonic", "llama4_json")),
    (r"llama-?3\.2", ("llama3_json", "pythonic")),
    (r"llama-?3", ("llama3_json",)),
    (r"mistral|mixtral|ministral", ("mistral",)),
    (r"granite-3", ("granite",)),
    (r"deepseek-?v3\.2", ("deepseek_v32",)),
    (r"deepseek-?v3\.1", ("deepseek_v31",)),
    (r"deepseek-?(v3|r1(?!-distill))", ("deepseek_v3",)),
    (r"gpt-oss", ("openai",)),
    (r"glm-4\.7", ("glm47",)),
    (r"glm-4\.[56]", ("glm45",)),
    (r"kimi-k2", ("kimi_k2",)),
    (r"phi-4-mini", ("phi4_mini_json",)),
    (r"internlm", ("internlm",)),
)
"""First match wins, and the first parser is what is taken unless a site states another of the family's. None: the
family emits no tool calls that a parser of vLLM understands."""

KNOWN_PARSERS = sorted({parser for _, parsers in PARSERS_OF_FAMILY for parser in parsers})


@dataclass(frozen=True)
class ToolCalls:
    """The parser to start vLLM with, or the fault that there is none."""

    parser: str
    fault: Fault | None = None


def tool_calls(model: str, stated: str | None) -> ToolCalls:
    """The parser of the model's family, checked against what the site states."""
    lowered = model.lower()
    parsers = next((parsers for name, parsers in PARSERS_OF_FAMILY if re.search(name, lowered)), None)
    if parsers is None:
        if stated:
            return ToolCalls(stated, _misspelt(stated))
        problem = f"no tool-call parser is known for {model!r} of model.name"
        return ToolCalls("", Fault("model.toolParser", problem, f"name vLLM's, one of {', '.join(KNOWN_PARSERS)}, ..."))
    if not parsers:
        problem = f"{model!r} emits no tool calls that vLLM can parse, and Compass depends on them"
        return ToolCalls("", Fault("model.name", problem, "serve the Instruct model of the family"))
    if stated and stated not in parsers:
        problem = f"{stated!r} does not parse the tool calls of {model!r} of model.name"
        remedy = f"write {' or '.join(parsers)}, or leave it out"
        return ToolCalls(parsers[0], Fault("model.toolParser", problem, remedy))
    return ToolCalls(stated or parsers[0])


def _misspelt(stated: str) -> Fault | None:
    """A parser of a family not known here is the site's affair, as plugins may add some, unless it is a typing error.

    Digits count: `glm47` is another parser than `glm45`.
    """
    from difflib import get_close_matches

    alike = [parser for parser in KNOWN_PARSERS if re.findall(r"\d", parser) == re.findall(r"\d", stated)]
    near = get_close_matches(stated.lower().replace("-", "_"), alike, n=1, cutoff=0.8)
    if not near or near[0] == stated:
        return None
    return Fault("model.toolParser", f"{stated!r} is no tool-call parser of vLLM", f"did you mean {near[0]}?")
