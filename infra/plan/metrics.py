"""The series vLLM exports and the names they get elsewhere.

True of every vLLM the site model accepts (0.18 and newer). Of the specification's six names three are gone: the
two throughput averages are rates of token counters now, and the GPU cache gauge is `kv_cache_usage_perc`, a
fraction.
"""

from __future__ import annotations

REQUESTS_RUNNING = "vllm:num_requests_running"
REQUESTS_WAITING = "vllm:num_requests_waiting"
KV_CACHE_USAGE = "vllm:kv_cache_usage_perc"
PREEMPTIONS = "vllm:num_preemptions_total"
PROMPT_TOKENS = "vllm:prompt_tokens_total"
GENERATION_TOKENS = "vllm:generation_tokens_total"
REQUEST_SUCCESS = "vllm:request_success_total"
E2E_LATENCY = "vllm:e2e_request_latency_seconds"
TIME_TO_FIRST_TOKEN = "vllm:time_to_first_token_seconds"
HTTP_REQUESTS = "http_requests_total"

SERIES_OF_HPA_METRIC = {
    "vllm_num_requests_waiting": REQUESTS_WAITING,
    "vllm_num_requests_running": REQUESTS_RUNNING,
}
"""A metric of the custom metrics API must have no colon, so the adapter's rule renames the series."""
QUEUE_METRIC, RUNNING_METRIC = SERIES_OF_HPA_METRIC
