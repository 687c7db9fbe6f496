{{- define "orchestrator.own" -}}
{{- $customer := .Values.customer | default dict -}}
component: orchestrator
tasks: true
grpc: {{ dig "grpc" true .Values.settings }}
secrets: true
secretKeys: [client-secret, redis-password, signing-key{{ if include "orchestrator.llmKey" . }}, {{ include "orchestrator.llmKey" . }}{{ end }}]
files:
  customer.yaml: {{ dict "customer" $customer | toYaml | toJson }}
settings:
  customer_file: /etc/crossdock/customer.yaml
  client_secret_file: /run/secrets/client-secret
  agents: {{ include "orchestrator.agents" . }}
  {{- if .Values.dapr.enabled }}
  dapr_http_port: 3500 # no annotation changes it
  {{- end }}
from: {{ include "orchestrator.from" . }}
to: {{ include "orchestrator.to" . }}
callers: []
testClients: {client: {{ $customer.name }}-caller, other: {{ $customer.name }}-orchestrator}
problems: {{ include "orchestrator.problems" . | fromYamlArray | toJson }}
{{- end -}}

{{/* Where the customer's agents live, by id. */}}
{{- define "orchestrator.agents" -}}
{{- $agents := dict -}}
{{- range (.Values.customer | default dict).agents }}
{{- $url := printf "http://%s-agent.%s:8080" .id $.Values.platform.agentsNamespace }}
{{- $_ := set $agents .id (get $.Values.platform.agents .id | default $url) }}
{{- end -}}
{{ toJson $agents }}
{{- end -}}

{{- define "orchestrator.keyFile" -}}
{{ dig "llm" "api_key_file" "" (.Values.customer | default dict) | default "" }}
{{- end -}}

{{/* Key of the release's Secret that holds the language model's API key; empty for none. */}}
{{- define "orchestrator.llmKey" -}}
{{- with include "orchestrator.keyFile" . }}{{ base . }}{{ end -}}
{{- end -}}

{{- define "orchestrator.from" -}}
[{{ if ne .Values.ingress.provider "none" }}ingress, {{ end }}prometheus{{ if .Values.test.enabled }}, test{{ end }}]
{{- end -}}

{{- define "orchestrator.to" -}}
[dns, identity, redis, agent, outside
{{- if .Values.platform.telemetry.otlpEndpoint }}, telemetry{{ end }}
{{- if .Values.dapr.enabled }}, dapr{{ end }}]
{{- end -}}

{{- define "orchestrator.problems" -}}
{{- $name := (.Values.customer | default dict).name | default "" -}}
{{- if not $name }}
- "there is no customer: install with -f k8s/customers/<customer>.yaml"
{{- else if ne (include "service.name" .) (printf "%s-orchestrator" $name) }}
- "the release {{ .Release.Name }} would not be called {{ $name }}-orchestrator, as the customer's card is: name the release {{ $name }}"
{{- end }}
{{- $file := include "orchestrator.keyFile" . }}
{{- if and $file (ne (dir $file) "/run/secrets") }}
- "customer.llm.api_key_file is {{ $file }}: put the key into the release's Secret and name it /run/secrets/<key>"
{{- end }}
{{- range $id, $url := .Values.platform.agents }}
{{- if and $.Values.dapr.enabled (not (regexMatch `^http://[a-z0-9-]+\.[a-z0-9-]+(:[0-9]+)?/?$` $url)) }}
- "dapr.enabled is true, but {{ $url }} in platform.agents.{{ $id }} is no app with a sidecar: write it http://<app>.<namespace>:8080"
{{- end }}
{{- end }}
{{- end -}}
