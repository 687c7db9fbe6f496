{{/* What callers use. Pods that only work are not behind it. */}}
{{- define "service.service" -}}
apiVersion: v1
kind: Service
metadata: {{- include "service.metadata" . | nindent 2 }}
spec:
  selector:
    {{- include "service.selector" . | nindent 4 }}
    crossdock.dev/process: main
  ports:
    - {name: http, port: 8080, targetPort: http, protocol: TCP, appProtocol: http}
    {{- if .own.grpc }}
    - {name: grpc, port: 10080, targetPort: grpc, protocol: TCP, appProtocol: kubernetes.io/h2c}
    {{- end }}
{{- end -}}

{{/* Every pod by itself, ready or not; for Prometheus, and for people who look. */}}
{{- define "service.managementService" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "service.name" . }}-management
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "service.labels" . | nindent 4 }}
    crossdock.dev/port: management
spec:
  clusterIP: None
  publishNotReadyAddresses: true
  selector: {{- include "service.selector" . | nindent 4 }}
  ports:
    - {name: management, port: 9080, targetPort: management, protocol: TCP}
{{- end -}}

{{- define "service.account" -}}
apiVersion: v1
kind: ServiceAccount
metadata: {{- include "service.metadata" . | nindent 2 }}
automountServiceAccountToken: false
{{- end -}}

{{- define "service.configuration" -}}
apiVersion: v1
kind: ConfigMap
metadata: {{- include "service.metadata" . | nindent 2 }}
data: {{- toYaml .own.files | nindent 2 }}
{{- end -}}

{{- define "service.monitor" -}}
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  name: {{ include "service.name" . }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "service.labels" . | nindent 4 }}
    {{- with .Values.serviceMonitor.labels }}{{ toYaml . | nindent 4 }}{{ end }}
spec:
  selector:
    matchLabels:
      {{- include "service.selector" . | nindent 6 }}
      crossdock.dev/port: management
  endpoints:
    - {port: management, path: /metrics, interval: {{ .Values.serviceMonitor.interval }}}
{{- end -}}
