{{/* Before SIGTERM: until no endpoint and no ingress sends requests here any more. */}}
{{- define "service.pauseSeconds" -}}
{{ max 2 (min 10 (div (int .Values.drain.seconds) 4)) }}
{{- end -}}

{{/* The pause, the drain, and the last answers of the service (8 seconds at most). */}}
{{- define "service.graceSeconds" -}}
{{ add (include "service.pauseSeconds" .) .Values.drain.seconds 15 }}
{{- end -}}

{{- define "service.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "service.name" . }}{{ .own.suffix }}
  namespace: {{ .Release.Namespace }}
  labels: {{- include "service.labels" . | nindent 4 }}
spec:
  {{- if not (or .own.scaling.enabled .own.keda) }}
  replicas: {{ .own.replicas }}
  {{- end }}
  revisionHistoryLimit: 3
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxSurge: 1, maxUnavailable: 0}
  selector:
    matchLabels: {{- include "service.podSelector" . | nindent 6 }}
  template:
    metadata:
      labels: {{- include "service.podLabels" . | nindent 8 }}
      {{- with include "service.podAnnotations" . }}
      annotations: {{- . | nindent 8 }}
      {{- end }}
    spec: {{- include "service.pod" . | nindent 6 }}
{{- end -}}

{{- define "service.podSelector" -}}
{{ include "service.selector" . }}
crossdock.dev/process: {{ .own.process }}
{{- end -}}

{{- define "service.podAnnotations" -}}
{{- $annotations := dict -}}
{{- range $name, $content := .own.files }}
{{- $_ := set $annotations "crossdock.dev/configuration" ($content | sha256sum) }}
{{- end }}
{{- if and .own.tasks .Values.dapr.enabled }}
{{- range $name, $value := include "service.daprAnnotations" . | fromYaml }}{{ $_ := set $annotations $name $value }}{{ end }}
{{- end }}
{{- range $name, $value := .Values.podAnnotations }}{{ $_ := set $annotations $name $value }}{{ end -}}
{{- with $annotations }}{{ toYaml . }}{{ end }}
{{- end -}}

{{- define "service.pod" -}}
serviceAccountName: {{ include "service.name" . }}
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: {{ include "service.graceSeconds" . }}
securityContext: {{- include "service.podSecurity" . | nindent 2 }}
topologySpreadConstraints:
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "service.podSelector" $ | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
containers:
  - {{ include "service.container" . | nindent 4 | trim }}
volumes: {{- include "service.volumes" . | nindent 2 }}
{{- end -}}

{{- define "service.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "service.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}
