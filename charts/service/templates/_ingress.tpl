{{/* Paths that ask for no token: the card, today's and that of older clients, and the keys of push notifications. */}}
{{- define "service.publicPaths" -}}
[/.well-known/agent-card.json, /.well-known/agent.json, /.well-known/jwks.json]
{{- end -}}

{{/* The edge's answer for this card. */}}
{{- define "service.checkPath" -}}
/check/{{ include "service.name" . }}
{{- end -}}

{{/* A rule of an Ingress: `host`, `paths` of `path`, `type`; all lead to `port` of the Service. */}}
{{- define "service.ingressRule" -}}
- host: {{ .host }}
  http:
    paths:
      {{- range .paths }}
      - path: {{ . }}
        pathType: {{ eq . "/" | ternary "Prefix" "Exact" }}
        backend:
          service: {name: {{ $.name }}, port: {name: {{ $.port }}}}
      {{- end }}
{{- end -}}

{{- define "service.tls" -}}
- hosts: [{{ .host }}]
  {{- with .root.Values.ingress.tls.secretName }}
  secretName: {{ . }}
  {{- end }}
{{- end -}}

{{- define "service.ingress" -}}
{{- $provider := .Values.ingress.provider -}}
{{- if eq $provider "nginx" }}{{ include "service.nginx" . }}
{{- else if eq $provider "gateway" }}{{ include "service.gateway" . }}
{{- else if eq $provider "ingress-nginx" }}{{ include "service.ingressNginx" . }}
{{- end -}}
{{- end -}}
