{{- define "edge.own" -}}
component: edge
tasks: false
grpc: false
secrets: false
files: {}
settings: {}
from: [ingress, prometheus]
to: [dns, identity{{ if .Values.platform.telemetry.otlpEndpoint }}, telemetry{{ end }}]
{{- end -}}
