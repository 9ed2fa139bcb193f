"""Status templates of simulated pods and nodes, in KWOK's template language."""

from __future__ import annotations

RUNNING = """
    running:
      startedAt: {{ $now | Quote }}"""
CRASHED = """
    waiting:
      reason: CrashLoopBackOff
      message: killed by its probe before it answered"""
COMPLETED = """
    terminated:
      exitCode: 0
      reason: Completed
      startedAt: {{ $now | Quote }}
      finishedAt: {{ $now | Quote }}"""
ONE_RESTART_MORE = "{{ add1 (index $root.status.containerStatuses $index).restartCount }}"


def pod_status(*, ready: bool, state: str, restarts: str, phase: str = "Running") -> str:
    word = "True" if ready else "False"
    conditions = {"Initialized": "True", "ContainersReady": word, "Ready": word}
    lines = [
        f'- {{type: {kind}, status: "{status}", lastTransitionTime: {{{{ $now | Quote }}}}}}'
        for kind, status in conditions.items()
    ]
    return f"""
{{{{ $now := Now }}}}
{{{{ $root := . }}}}
conditions:
{chr(10).join(lines)}
containerStatuses:
{{{{ range $index, $item := .spec.containers }}}}
- name: {{{{ $item.name | Quote }}}}
  image: {{{{ $item.image | Quote }}}}
  imageID: ""
  ready: {str(ready).lower()}
  started: {str(ready).lower()}
  restartCount: {restarts}
  state:{state}
{{{{ end }}}}
hostIP: {{{{ NodeIPWith .spec.nodeName | Quote }}}}
{{{{ $own := .metadata }}}}
podIP: {{{{ or .status.podIP ( PodIPWith .spec.nodeName false $own.uid $own.name $own.namespace ) | Quote }}}}
phase: {phase}
startTime: {{{{ or .status.startTime $now | Quote }}}}
"""


NODE_READY = """
{{ $now := Now }}
conditions:
{{ range NodeConditions }}
- lastHeartbeatTime: {{ $now | Quote }}
  lastTransitionTime: {{ $now | Quote }}
  message: {{ .message | Quote }}
  reason: {{ .reason | Quote }}
  status: {{ .status | Quote }}
  type: {{ .type | Quote }}
{{ end }}
addresses:
- {address: {{ NodeIP | Quote }}, type: InternalIP}
- {address: {{ .metadata.name | Quote }}, type: Hostname}
phase: Running
"""
