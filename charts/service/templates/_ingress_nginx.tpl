{{/* The Kubernetes project's ingress-nginx, retired in March 2026: for clusters that still have it. It counts
requests by address only. */}}
{{- define "service.ingressNginx" -}}
{{- $public := include "service.publicPaths" . | fromYamlArray -}}
{{ include "service.ingressNginxIngress" (dict "root" . "suffix" "-cards" "host" (include "service.host" .) "paths" $public "port" "http" "protocol" "HTTP" "check" false) }}
---
{{ include "service.ingressNginxIngress" (dict "root" . "suffix" "" "host" (include "service.host" .) "paths" (list "/") "port" "http" "protocol" "HTTP" "check" true) }}
{{- if .own.grpc }}
---
{{ include "service.ingressNginxIngress" (dict "root" . "suffix" "-grpc" "host" (include "service.grpcHost" .) "paths" (list "/") "port" "grpc" "protocol" "GRPC" "check" true) }}
{{- end }}
{{- end -}}

{{- define "service.ingressNginxIngress" -}}
{{- $values := .root.Values.ingress -}}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{ include "service.name" .root }}{{ .suffix }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "service.labels" .root | nindent 4 }}
  annotations: {{- merge (include "service.ingressNginxAnnotations" . | fromYaml) $values.annotations | toYaml | nindent 4 }}
spec:
  ingressClassName: {{ $values.className | default "nginx" }}
  tls: {{- include "service.tls" . | nindent 4 }}
  rules:
    {{- include "service.ingressRule" (merge (dict "name" (include "service.name" .root)) .) | nindent 4 }}
{{- end -}}

{{- define "service.ingressNginxAnnotations" -}}
{{- $values := .root.Values.ingress -}}
nginx.ingress.kubernetes.io/backend-protocol: {{ .protocol }}
nginx.ingress.kubernetes.io/proxy-buffering: "off"
nginx.ingress.kubernetes.io/proxy-request-buffering: "off"
nginx.ingress.kubernetes.io/proxy-connect-timeout: "2"
nginx.ingress.kubernetes.io/proxy-read-timeout: {{ include "service.streamSeconds" .root | quote }}
nginx.ingress.kubernetes.io/proxy-send-timeout: "60"
nginx.ingress.kubernetes.io/proxy-body-size: {{ include "service.largestMessage" .root }}m
{{- if $values.rateLimit.enabled }}
nginx.ingress.kubernetes.io/limit-rpm: {{ $values.rateLimit.requestsPerMinute | quote }}
nginx.ingress.kubernetes.io/limit-burst-multiplier: {{ max 1 (div (int $values.rateLimit.burst) (int $values.rateLimit.requestsPerMinute)) | quote }}
{{- end }}
{{- if and .check $values.tokenCheck.enabled }}
{{- $check := $values.tokenCheck }}
nginx.ingress.kubernetes.io/auth-url: http://{{ $check.service }}.{{ $check.namespace }}.svc.cluster.local:{{ $check.port }}{{ include "service.checkPath" .root }}
{{- end }}
{{- end -}}
