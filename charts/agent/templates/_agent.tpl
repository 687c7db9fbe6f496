{{- define "agent.own" -}}
component: {{ .Values.agent }}
tasks: true
grpc: {{ dig "grpc" true .Values.settings }}
secrets: true
secretKeys: [redis-password, signing-key{{ if include "agent.database" . }}, database-password{{ end }}]
files: {}
settings: {}
from: {{ include "agent.from" . }}
to: {{ include "agent.to" . }}
callers:
  {{- range .Values.customers }}
  - {app: {{ . }}-orchestrator, namespace: {{ . }}}
  - {app: {{ . }}-orchestrator-worker, namespace: {{ . }}}
  {{- end }}
testClients: {client: agents-test, other: agents-test-other, stranger: agents-test-stranger}
problems:
  {{- if not .Values.agent }}
  - "agent is not set: install with -f k8s/agents/<agent>.yaml"
  {{- else if ne (include "service.name" .) (printf "%s-agent" .Values.agent) }}
  - "the release {{ .Release.Name }} would not be called {{ .Values.agent }}-agent, as the agent's card is: name the release {{ .Values.agent }}"
  {{- end }}
  {{- $strange := concat (list "default" "crossdock-data" "crossdock-edge" "crossdock-identity" "crossdock-system") .Values.customers }}
  {{- if has .Release.Namespace $strange }}
  - "the namespace {{ .Release.Namespace }} is not one of agents, and orchestrators would not reach this one there: install it with -n crossdock-agents"
  {{- end }}
{{- end -}}

{{/* Not empty where the agent keeps something in PostgreSQL. */}}
{{- define "agent.database" -}}
{{- if hasPrefix "postgresql" (toString .Values.settings.database_url) }}yes{{ end -}}
{{- end -}}

{{- define "agent.from" -}}
[{{ if ne .Values.ingress.provider "none" }}ingress, {{ end }}prometheus, orchestrator{{ if .Values.test.enabled }}, test{{ end }}]
{{- end -}}

{{- define "agent.to" -}}
[dns, identity, redis, outside
{{- if include "agent.database" . }}, database{{ end }}
{{- if .Values.platform.telemetry.otlpEndpoint }}, telemetry{{ end }}
{{- if .Values.dapr.enabled }}, dapr{{ end }}]
{{- end -}}
