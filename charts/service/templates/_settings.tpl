{{/* Settings that follow from the place and the chart; a map of the service's setting names. */}}
{{- define "service.settings" -}}
{{- $platform := .Values.platform -}}
port: 8080
issuer: {{ include "service.issuer" . }}
issuer_discovery_url: {{ $platform.issuerDiscoveryUrl | quote }}
trace_ratio: {{ $platform.telemetry.traceRatio }}
{{- with $platform.telemetry.otlpEndpoint }}
otlp_endpoint: {{ . }}
{{- end }}
{{- if .own.tasks }}
{{ include "service.taskSettings" . }}
{{- end }}
{{- end -}}

{{/* Those of a service that keeps tasks. */}}
{{- define "service.taskSettings" -}}
{{- $redis := .Values.platform.redis -}}
public_url: https://{{ include "service.host" . }}{{ include "service.publicPort" . }}
grpc_address: {{ include "service.grpcHost" . }}:{{ .Values.platform.httpsPort }}
replicas: {{ include "service.mostReplicas" . }}
requests_per_minute: {{ .Values.customerLimit.requestsPerMinute | int64 }}
request_burst: {{ .Values.customerLimit.burst | int64 }}
drain_seconds: {{ .Values.drain.seconds }}
signing_key_file: /run/secrets/signing-key
redis_nodes: {{ $redis.nodes }}
redis_mode: {{ $redis.mode }}
redis_username: {{ include "service.name" . }}
redis_password_file: /run/secrets/redis-password
redis_tls: {{ $redis.tls }}
{{- with $redis.master }}
redis_master: {{ . }}
{{- end }}
{{- if $redis.caKey }}
redis_ca_file: /run/secrets/{{ $redis.caKey }}
{{- end }}
{{- end -}}

{{/* The environment of a container, of all settings together: texts as they are, everything else in JSON. */}}
{{- define "service.environment" -}}
{{- $settings := include "service.settings" . | fromYaml -}}
{{- range list .own.settings .Values.settings }}
{{- range $name, $value := . }}{{ $_ := set $settings $name $value }}{{ end }}
{{- end -}}
{{- if .own.tasks }}{{ $_ := set $settings "role" .own.role }}{{ end -}}
{{- range $name, $value := $settings }}
- name: CROSSDOCK_{{ upper $name }}
  value: {{ kindIs "string" $value | ternary $value (toJson $value) | quote }}
{{- end }}
{{- end -}}

{{/* How long a stream may rest: after that long the service closes it, and the ingress must not be sooner. */}}
{{- define "service.streamSeconds" -}}
{{ add 60 (ceil (.Values.settings.stream_idle_seconds | default 900)) }}
{{- end -}}

{{/* Largest request in MiB; a message of gRPC has a frame around it. */}}
{{- define "service.largestBody" -}}
{{ add1 (div (sub (int64 (.Values.settings.max_body | default 50331648)) 1) 1048576) }}
{{- end -}}

{{- define "service.largestMessage" -}}
{{ add1 (include "service.largestBody" .) }}
{{- end -}}
