{{/* The pods of the release: nothing but the edges of docs/architecture.md, by their names there. */}}
{{- define "service.networkPolicy" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{- include "service.metadata" . | nindent 2 }}
spec:
  podSelector:
    matchLabels: {{- include "service.selector" . | nindent 6 }}
    matchExpressions:
      - {key: crossdock.dev/process, operator: NotIn, values: [test]}
  policyTypes: [Ingress, Egress]
  ingress:
    {{- range .own.from }}
    # {{ . }}
    - {{ include (printf "service.from.%s" .) $ | nindent 6 | trim }}
    {{- end }}
    {{- with .Values.networkPolicy.ingress }}{{ toYaml . | nindent 4 }}{{ end }}
  egress:
    {{- range .own.to }}
    # {{ . }}
    - {{ include (printf "service.to.%s" .) $ | nindent 6 | trim }}
    {{- end }}
    {{- with .Values.networkPolicy.egress }}{{ toYaml . | nindent 4 }}{{ end }}
{{- end -}}

{{- define "service.namespaces" -}}
namespaceSelector: {matchLabels: {crossdock.dev/role: {{ . }}}}
{{- end -}}

{{/* One by its name, and never a customer's that has it. */}}
{{- define "service.namespace" -}}
namespaceSelector:
  matchLabels: {kubernetes.io/metadata.name: {{ . }}}
  matchExpressions:
    - {key: crossdock.dev/role, operator: NotIn, values: [customer]}
{{- end -}}

{{/* The ingress controller: it runs beside the edge, or where `ingress.namespace` says. */}}
{{- define "service.from.ingress" -}}
from:
  {{- if .Values.ingress.namespace }}
  - {{ include "service.namespace" .Values.ingress.namespace | nindent 4 | trim }}
  {{- else }}
  - {{ include "service.namespaces" "edge" | nindent 4 | trim }}
  {{- end }}
ports:
  - {protocol: TCP, port: 8080}
  {{- if .own.grpc }}
  - {protocol: TCP, port: 10080}
  {{- end }}
{{- end -}}

{{- define "service.from.prometheus" -}}
from:
  - {{ include "service.namespace" .Values.networkPolicy.monitoringNamespace | nindent 4 | trim }}
ports:
  - {protocol: TCP, port: 9080}
{{- end -}}

{{/* The pod of `helm test`, which is not one of those above. */}}
{{- define "service.from.test" -}}
from:
  - podSelector:
      matchLabels:
        {{- include "service.selector" . | nindent 8 }}
        crossdock.dev/process: test
ports:
  - {protocol: TCP, port: 8080}
{{- end -}}

{{/* Orchestrators; with Dapr their sidecars reach the sidecar here, and no other port. */}}
{{- define "service.from.orchestrator" -}}
from:
  - {{ include "service.namespaces" "customer" | nindent 4 | trim }}
    podSelector: {matchLabels: {app.kubernetes.io/name: orchestrator}}
ports:
  - {protocol: TCP, port: {{ .Values.dapr.enabled | ternary 50002 8080 }}}
{{- end -}}

{{- define "service.to.agent" -}}
to:
  - {{ include "service.namespaces" "agents" | nindent 4 | trim }}
    podSelector: {matchLabels: {app.kubernetes.io/name: agent}}
ports:
  - {protocol: TCP, port: {{ .Values.dapr.enabled | ternary 50002 8080 }}}
{{- end -}}

{{- define "service.to.dns" -}}
{{- $dns := .Values.networkPolicy.dns -}}
to:
  - {{ include "service.namespace" $dns.namespace | nindent 4 | trim }}
    podSelector: {matchLabels: {{ toJson $dns.podLabels }}}
ports:
  - {protocol: UDP, port: 53}
  - {protocol: TCP, port: 53}
{{- end -}}

{{- define "service.to.identity" -}}
to:
  - {{ include "service.namespaces" "identity" | nindent 4 | trim }}
ports:
  - {protocol: TCP, port: 8080}
{{- end -}}

{{- define "service.to.redis" -}}
to:
  - {{ include "service.namespaces" "data" | nindent 4 | trim }}
ports:
  {{- range $port := include "service.redisPorts" . | splitList "," }}
  - {protocol: TCP, port: {{ $port }}}
  {{- end }}
{{- end -}}

{{/* Those of the nodes; Sentinels name a master, which listens on Redis' usual port. */}}
{{- define "service.redisPorts" -}}
{{- $ports := list -}}
{{- range splitList "," .Values.platform.redis.nodes }}{{ $ports = append $ports (splitList ":" . | last) }}{{ end -}}
{{- if eq .Values.platform.redis.mode "sentinel" }}{{ $ports = append $ports "6379" }}{{ end -}}
{{ $ports | uniq | join "," }}
{{- end -}}

{{- define "service.to.database" -}}
to:
  - {{ include "service.namespaces" "data" | nindent 4 | trim }}
ports:
  - {protocol: TCP, port: 5432}
{{- end -}}

{{- define "service.to.telemetry" -}}
to:
  - {{ include "service.namespace" .Values.platform.telemetry.namespace | nindent 4 | trim }}
ports:
  - {protocol: TCP, port: {{ splitList ":" (urlParse .Values.platform.telemetry.otlpEndpoint).host | last }}}
{{- end -}}

{{/* Webhooks, files by URL and language models; never an address inside. */}}
{{- define "service.to.outside" -}}
to:
  - ipBlock:
      cidr: 0.0.0.0/0
      except: {{- toYaml .Values.networkPolicy.outside.except | nindent 8 }}
  - ipBlock:
      cidr: ::/0
      except: {{- toYaml .Values.networkPolicy.outside.except6 | nindent 8 }}
ports:
  {{- range .Values.networkPolicy.outside.ports }}
  - {protocol: TCP, port: {{ . }}}
  {{- end }}
{{- end -}}

{{/* The sidecar: its certificate authority, and the operator. */}}
{{- define "service.to.dapr" -}}
to:
  - {{ include "service.namespace" .Values.dapr.namespace | nindent 4 | trim }}
ports:
  {{- range list 50001 6500 }}
  - {protocol: TCP, port: {{ . }}}
  {{- end }}
{{- end -}}

{{- define "service.to.service" -}}
to:
  - podSelector:
      matchLabels:
        {{- include "service.selector" . | nindent 8 }}
        crossdock.dev/process: main
ports:
  - {protocol: TCP, port: 8080}
{{- end -}}
