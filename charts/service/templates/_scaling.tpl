{{- define "service.autoscaler" -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ include "service.name" . }}{{ .own.suffix }}
  namespace: {{ .Release.Namespace }}
  labels: {{- include "service.labels" . | nindent 4 }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ include "service.name" . }}{{ .own.suffix }}}
  minReplicas: {{ .own.scaling.minReplicas }}
  maxReplicas: {{ .own.scaling.maxReplicas }}
  metrics:
    {{- range $resource, $percent := dict "cpu" .own.scaling.cpuPercent "memory" .own.scaling.memoryPercent }}
    - type: ContainerResource
      containerResource:
        name: {{ $resource }}
        container: service
        target: {type: Utilization, averageUtilization: {{ $percent }}}
    {{- end }}
    {{- if .own.scaling.runningTasks }}
    - type: Pods
      pods:
        metric: {name: crossdock_running_tasks}
        target: {type: AverageValue, averageValue: {{ .own.scaling.runningTasks | quote }}}
    {{- end }}
  behavior: {{- include "service.scalingBehavior" . | nindent 4 }}
{{- end -}}

{{/* Up at once; down by a pod in five minutes, and only after ten quiet ones: each pod that goes moves its streams. */}}
{{- define "service.scalingBehavior" -}}
scaleUp:
  stabilizationWindowSeconds: 0
  selectPolicy: Max
  policies:
    - {type: Percent, value: 100, periodSeconds: 30}
    - {type: Pods, value: 4, periodSeconds: 30}
scaleDown:
  stabilizationWindowSeconds: 600
  selectPolicy: Min
  policies:
    - {type: Pods, value: 1, periodSeconds: 300}
{{- end -}}

{{- define "service.disruptionBudget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "service.name" . }}{{ .own.suffix }}
  namespace: {{ .Release.Namespace }}
  labels: {{- include "service.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels: {{- include "service.podSelector" . | nindent 6 }}
{{- end -}}

{{/* Least replicas of one Deployment. */}}
{{- define "service.leastReplicas" -}}
{{ if .own.keda }}{{ .Values.keda.minReplicas }}{{ else if .own.scaling.enabled }}{{ .own.scaling.minReplicas }}{{ else }}{{ .own.replicas }}{{ end }}
{{- end -}}
