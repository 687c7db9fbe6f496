{{- define "orchestrator.own" -}}
{{- $customer := .Values.customer | default dict -}}
component: orchestrator
namespace: {{ $customer.name | default "" | quote }}
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
{{- else if hasSuffix "-orchestrator" $name }}
- "the customer's name {{ $name }} ends as the names of orchestrators do: choose another"
{{- else if ne (include "service.name" .) (printf "%s-orchestrator" $name) }}
- "the release {{ .Release.Name }} would not be called {{ $name }}-orchestrator, as the customer's card is: name the release {{ $name }}"
{{- end }}
{{- if .Values.customer }}{{ include "orchestrator.customerProblems" .Values.customer }}{{ end }}
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

{{/* What the orchestrator would refuse at its start, and no schema can tell: told before anything is installed. */}}
{{- define "orchestrator.customerProblems" -}}
{{- $routing := .routing | default dict -}}
{{- $steps := dig "limits" "steps" 5 . | int -}}
{{- $known := list -}}
{{- range .agents }}{{ $known = append $known .id }}{{ end }}
{{- if ne (len $known) (len (uniq $known)) }}
- "customer.agents: an id stands there twice; keep one"
{{- end }}
{{- $names := list -}}
{{- range $index, $rule := $routing.rules }}
{{- $names = append $names $rule.name }}
{{- if not (or $rule.keywords $rule.regex $rule.attachments) }}
- "customer.routing.rules[{{ $index }}] has no condition; give it keywords, a regex or attachments"
{{- end }}
{{- end }}
{{- if ne (len $names) (len (uniq $names)) }}
- "customer.routing.rules: two rules have one name; each needs its own"
{{- end }}
{{- range $kind := list "rules" "examples" }}
{{- range $index, $each := get $routing $kind | default list }}
{{- range $agent := $each.agents }}
{{- if not (has $agent $known) }}
- "customer.routing.{{ $kind }}[{{ $index }}].agents: {{ $agent }} is not among this customer's agents ({{ join ", " $known }})"
{{- end }}
{{- end }}
{{- if gt (len $each.agents) $steps }}
- "customer.routing.{{ $kind }}[{{ $index }}].agents has more agents than limits.steps, {{ $steps }}, allows"
{{- end }}
{{- end }}
{{- end }}
{{- if and (dig "llm" "enabled" false .) (not (dig "llm" "model" "" .)) }}
- "customer.llm is enabled without a model; set customer.llm.model"
{{- end }}
{{- if and (eq (default "" $routing.method) "llm") (not (dig "llm" "enabled" false .)) }}
- "customer.routing.method is llm, but customer.llm.enabled is false; enable it or use hybrid"
{{- end }}
{{- end -}}
