{{/* Gateway API, with the policies of NGINX Gateway Fabric: the API itself knows no buffering, and that
controller no timeouts of a route. */}}
{{- define "service.gateway" -}}
{{ include "service.httpRoute" . }}
{{- $targets := list (dict "kind" "HTTPRoute" "name" (include "service.name" .)) }}
{{- if .own.grpc }}
---
{{ include "service.grpcRoute" . }}
{{- $targets = append $targets (dict "kind" "GRPCRoute" "name" (printf "%s-grpc" (include "service.name" .))) }}
{{- end }}
{{- range $target := $targets }}
---
{{ include "service.gatewayStreams" (dict "root" $ "target" $target) }}
{{- if $.Values.ingress.rateLimit.enabled }}
---
{{ include "service.gatewayLimits" (dict "root" $ "target" $target) }}
{{- end }}
---
{{ include "service.gatewayBodies" (dict "root" $ "target" $target) }}
{{- end }}
{{- if .Values.ingress.tokenCheck.enabled }}
---
{{ include "service.gatewayCheck" . }}
{{- end }}
{{- end -}}

{{- define "service.parentRef" -}}
- {name: {{ .Values.ingress.gateway.name }}, namespace: {{ .Values.ingress.gateway.namespace }}, sectionName: {{ .section }}}
{{- end -}}

{{- define "service.checkFilter" -}}
{{- if .Values.ingress.tokenCheck.enabled -}}
filters:
  - type: ExtensionRef
    extensionRef: {group: gateway.nginx.org, kind: SnippetsFilter, name: {{ include "service.name" . }}-token}
{{- end }}
{{- end -}}

{{- define "service.httpRoute" -}}
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{- include "service.metadata" . | nindent 2 }}
spec:
  parentRefs: {{- include "service.parentRef" (set (omit . "section") "section" "https") | nindent 4 }}
  hostnames: [{{ include "service.host" . }}]
  rules:
    - matches:
        {{- range include "service.publicPaths" . | fromYamlArray }}
        - path: {type: Exact, value: {{ . }}}
        {{- end }}
      backendRefs:
        - {name: {{ include "service.name" . }}, port: 8080}
    - matches:
        - path: {type: PathPrefix, value: /}
      {{- include "service.checkFilter" . | nindent 6 }}
      backendRefs:
        - {name: {{ include "service.name" . }}, port: 8080}
{{- end -}}

{{- define "service.grpcRoute" -}}
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata:
  name: {{ include "service.name" . }}-grpc
  namespace: {{ .Release.Namespace }}
  labels: {{- include "service.labels" . | nindent 4 }}
spec:
  parentRefs: {{- include "service.parentRef" (set (omit . "section") "section" "grpc") | nindent 4 }}
  hostnames: [{{ include "service.grpcHost" . }}]
  rules:
    - backendRefs:
        - {name: {{ include "service.name" . }}, port: 10080}
      {{- include "service.checkFilter" . | nindent 6 }}
{{- end -}}

{{- define "service.targetRefs" -}}
targetRefs:
  - {group: gateway.networking.k8s.io, kind: {{ .target.kind }}, name: {{ .target.name }}}
{{- end -}}

{{- define "service.gatewayPolicy" -}}
apiVersion: gateway.nginx.org/v1alpha1
kind: {{ .kind }}
metadata:
  name: {{ .target.name }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "service.labels" .root | nindent 4 }}
{{- end -}}

{{- define "service.gatewayStreams" -}}
{{ include "service.gatewayPolicy" (merge (dict "kind" "ProxySettingsPolicy") .) }}
spec:
  {{- include "service.targetRefs" . | nindent 2 }}
  buffering: {disable: true}
  timeout: {connect: 2s, read: {{ add1 (div (include "service.streamSeconds" .root) 60) }}m, send: 60s}
{{- end -}}

{{- define "service.gatewayBodies" -}}
{{ include "service.gatewayPolicy" (merge (dict "kind" "ClientSettingsPolicy") .) }}
spec:
  targetRef: {group: gateway.networking.k8s.io, kind: {{ .target.kind }}, name: {{ .target.name }}}
  body: {maxSize: {{ include "service.largestMessage" .root }}m}
{{- end -}}

{{/* By token, and generously by address for who brings none: a key that is empty is not counted. */}}
{{- define "service.gatewayLimits" -}}
{{ include "service.gatewayPolicy" (merge (dict "kind" "RateLimitPolicy") .) }}
spec:
  {{- include "service.targetRefs" . | nindent 2 }}
  rateLimit:
    rejectCode: 429
    local:
      rules:
        {{- with .root.Values.ingress.rateLimit }}
        - {key: {{ .key | replace "{" "" | replace "}" "" }}, rate: {{ .requestsPerMinute }}r/m, burst: {{ .burst }}, noDelay: true, zoneSize: 10m}
        {{- end }}
        - {key: $binary_remote_addr, rate: 50r/s, burst: 500, noDelay: true, zoneSize: 10m}
{{- end -}}

{{/* nginx resolves the name as a pod does, once, when it reads this: whatever the cluster's domain is, but the edge must be there. */}}
{{- define "service.gatewayCheck" -}}
{{- $check := .Values.ingress.tokenCheck -}}
{{ include "service.gatewayPolicy" (dict "root" . "kind" "SnippetsFilter" "target" (dict "name" (printf "%s-token" (include "service.name" .)))) }}
spec:
  snippets:
    - context: http.server
      value: |
        location = /.crossdock-check {
            internal;
            proxy_pass http://{{ $check.service }}.{{ $check.namespace }}.svc:{{ $check.port }}{{ include "service.checkPath" . }};
            proxy_method GET;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
            proxy_read_timeout 15s;
        }
    - context: http.server.location
      value: auth_request /.crossdock-check;
{{- end -}}
