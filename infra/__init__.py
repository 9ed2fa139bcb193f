"""The vLLM inference stack of an F3Iai site: decided in plain Python, declared in Pulumi."""
