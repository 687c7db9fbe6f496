{{/* F5's NGINX Ingress Controller. A policy holds for a whole Ingress, or for a minion's paths: so the public
paths are one minion and everything else is another. */}}
{{- define "service.nginx" -}}
{{- $tasks := dict -}}
{{- if .Values.ingress.tokenCheck.enabled }}{{ $tasks = dict "nginx.org/policies" (printf "%s-token" (include "service.name" .)) }}{{ end -}}
{{- $minion := dict "nginx.org/mergeable-ingress-type" "minion" -}}
{{- $http := dict "root" . "host" (include "service.host" .) "port" "http" -}}
{{- $master := dict "suffix" "" "tls" true "annotations" (dict "nginx.org/mergeable-ingress-type" "master") -}}
{{- $cards := dict "suffix" "-cards" "paths" (include "service.publicPaths" . | fromYamlArray) -}}
{{- $rest := dict "suffix" "-tasks" "paths" (list "/") -}}
{{ include "service.nginxIngress" (merge $master $http) }}
---
{{ include "service.nginxIngress" (merge $cards (dict "annotations" (merge (include "service.nginxCards" . | fromYaml) $minion)) $http) }}
---
{{ include "service.nginxIngress" (merge $rest (dict "annotations" (merge (include "service.nginxTasks" . | fromYaml) $tasks $minion)) $http) }}
{{- if .own.grpc }}
---
{{- $grpc := merge (include "service.nginxTasks" . | fromYaml) $tasks (dict "nginx.org/grpc-services" (include "service.name" .)) }}
{{ include "service.nginxIngress" (dict "root" . "suffix" "-grpc" "annotations" $grpc "host" (include "service.grpcHost" .) "paths" (list "/") "port" "grpc" "tls" true) }}
{{- end }}
{{- if .Values.ingress.tokenCheck.enabled }}
---
{{ include "service.nginxPolicy" . }}
{{- end }}
{{- end -}}

{{- define "service.nginxIngress" -}}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{ include "service.name" .root }}{{ .suffix }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "service.labels" .root | nindent 4 }}
  annotations: {{- merge .annotations .root.Values.ingress.annotations | toYaml | nindent 4 }}
spec:
  ingressClassName: {{ .root.Values.ingress.className | default "nginx" }}
  {{- if .tls }}
  tls: {{- include "service.tls" . | nindent 4 }}
  {{- end }}
  rules:
    {{- if .paths }}
    {{- include "service.ingressRule" (merge (dict "name" (include "service.name" .root)) .) | nindent 4 }}
    {{- else }}
    - host: {{ .host }}
    {{- end }}
{{- end -}}

{{/* Events leave as they come, and a stream may rest; a request is sent to one replica only. */}}
{{- define "service.nginxStreams" -}}
nginx.org/proxy-buffering: "false"
nginx.org/proxy-connect-timeout: 2s
nginx.org/proxy-read-timeout: {{ include "service.streamSeconds" . }}s
nginx.org/proxy-send-timeout: 60s
nginx.org/client-max-body-size: {{ include "service.largestMessage" . }}m
{{- end -}}

{{/* What asks for a token is counted by it, whoever shares the address; cards are counted by address, generously. */}}
{{- define "service.nginxTasks" -}}
{{ include "service.nginxStreams" . }}
{{- with .Values.ingress.rateLimit }}{{ if .enabled }}
nginx.org/limit-req-key: {{ .key }}
{{ include "service.nginxLimit" (dict "rate" (printf "%dr/m" (int .requestsPerMinute)) "burst" .burst) }}
{{- end }}{{ end }}
{{- end -}}

{{- define "service.nginxCards" -}}
{{ include "service.nginxStreams" . }}
{{- if .Values.ingress.rateLimit.enabled }}
nginx.org/limit-req-key: ${binary_remote_addr}
{{ include "service.nginxLimit" (dict "rate" "50r/s" "burst" 500) }}
{{- end }}
{{- end -}}

{{- define "service.nginxLimit" -}}
nginx.org/limit-req-rate: {{ .rate }}
nginx.org/limit-req-burst: {{ .burst | quote }}
nginx.org/limit-req-no-delay: "true"
nginx.org/limit-req-reject-code: "429"
nginx.org/limit-req-scale: "true"
{{- end -}}

{{- define "service.nginxPolicy" -}}
apiVersion: k8s.nginx.org/v1
kind: Policy
metadata:
  name: {{ include "service.name" . }}-token
  namespace: {{ .Release.Namespace }}
  labels: {{- include "service.labels" . | nindent 4 }}
spec:
  ingressClassName: {{ .Values.ingress.className | default "nginx" }}
  externalAuth:
    authURI: {{ include "service.checkPath" . }}
    authServiceName: {{ .Values.ingress.tokenCheck.namespace }}/{{ .Values.ingress.tokenCheck.service }}
    authServicePorts: [{{ .Values.ingress.tokenCheck.port }}]
{{- end -}}
