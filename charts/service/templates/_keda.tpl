{{/* KEDA makes an autoscaler of its own from this, so that there must be no other. */}}
{{- define "service.scaledObject" -}}
{{- $keda := .Values.keda -}}
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: {{ include "service.name" . }}{{ .own.suffix }}
  namespace: {{ .Release.Namespace }}
  labels: {{- include "service.labels" . | nindent 4 }}
spec:
  scaleTargetRef: {name: {{ include "service.name" . }}{{ .own.suffix }}}
  minReplicaCount: {{ $keda.minReplicas }}
  maxReplicaCount: {{ $keda.maxReplicas }}
  pollingInterval: 15
  fallback: {failureThreshold: 4, replicas: {{ $keda.minReplicas }}}
  advanced:
    horizontalPodAutoscalerConfig:
      behavior: {{- include "service.scalingBehavior" . | nindent 8 }}
  triggers:
    - type: prometheus
      metadata:
        serverAddress: {{ $keda.prometheus }}
        query: max(crossdock_queued_tasks{namespace="{{ .Release.Namespace }}", agent="{{ include "service.name" . }}"})
        threshold: {{ $keda.queuedTasks | quote }}
{{- end -}}
