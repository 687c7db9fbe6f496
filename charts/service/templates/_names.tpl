{{/* Name of the release's objects, of its card, Redis user and Dapr app: <release>-<chart>. */}}
{{- define "service.name" -}}
{{- if hasSuffix (printf "-%s" .Chart.Name) (printf "-%s" .Release.Name) -}}{{ .Release.Name }}{{- else -}}{{ .Release.Name }}-{{ .Chart.Name }}{{- end -}}
{{- end -}}

{{/* Labels that never change while a release lives. */}}
{{- define "service.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Without versions: pods do not end because a label of theirs would change. */}}
{{- define "service.podLabels" -}}
{{ include "service.podSelector" . }}
app.kubernetes.io/component: {{ .own.component }}
app.kubernetes.io/part-of: crossdock
{{- end -}}

{{- define "service.labels" -}}
{{ include "service.selector" . }}
app.kubernetes.io/component: {{ .own.component }}
app.kubernetes.io/part-of: crossdock
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "service.metadata" -}}
name: {{ include "service.name" . }}
namespace: {{ .Release.Namespace }}
labels: {{- include "service.labels" . | nindent 2 }}
{{- end -}}

{{- define "service.image" -}}
{{- $image := .Values.image -}}
{{- with $image.registry }}{{ . }}/{{ end -}}
{{ $image.repository | default (printf "crossdock/%s" .own.component) }}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default .Chart.AppVersion }}{{ end -}}
{{- end -}}

{{/* Host name that callers use; `.grpc` stands between the two for gRPC. */}}
{{- define "service.host" -}}
{{ .Release.Name }}.{{ .Values.platform.domain }}
{{- end -}}

{{- define "service.grpcHost" -}}
{{ .Release.Name }}.grpc.{{ .Values.platform.domain }}
{{- end -}}

{{- define "service.publicPort" -}}
{{- if ne (int .Values.platform.httpsPort) 443 }}:{{ .Values.platform.httpsPort }}{{ end -}}
{{- end -}}

{{- define "service.issuer" -}}
{{ .Values.platform.issuer | default (printf "https://auth.%s%s/realms/crossdock" .Values.platform.domain (include "service.publicPort" .)) }}
{{- end -}}
