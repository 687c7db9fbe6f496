{{/* What a release was told of its place, as options for the next one in the same place. */}}
{{- define "service.placeOptions" -}}
{{- $ingress := .Values.ingress -}}
{{- $provider := dig "gateway" "create" false $ingress | ternary "gateway" "" -}}
{{- with .Values.image.registry }} --set image.registry={{ . }}{{ end }}
{{- with .Values.image.tag }} --set image.tag={{ . }}{{ end }}
{{- printf " --set platform.domain=%s" .Values.platform.domain }}
{{- if include "service.publicPort" . }} --set platform.httpsPort={{ int .Values.platform.httpsPort }}{{ end }}
{{- with $provider }} --set ingress.provider={{ . }}{{ end }}
{{- with $ingress.namespace }} --set ingress.namespace={{ . }}{{ end }}
{{- end -}}

{{/* What to do next, for a service that callers reach. */}}
{{- define "service.notes" -}}
{{- $name := include "service.name" . -}}
{{ $name }} answers at https://{{ include "service.host" . }}{{ include "service.publicPort" . }}{{ if eq .Values.ingress.provider "none" }} once something carries requests there{{ end }}.

Wait until it does:
  kubectl -n {{ .Release.Namespace }} rollout status deployment/{{ $name }}
{{- if eq .Values.secrets.source "existing" }}
Pods start when the Secret {{ include "service.secretName" . }} is there.
{{- end }}
{{- if .Values.test.enabled }}
Then test it:
  helm test {{ .Release.Name }} -n {{ .Release.Namespace }}
{{- end }}
{{- if not .Values.networkPolicy.enabled }}
WARNING: networkPolicy.enabled is false: the platform's namespaces deny by default, so that a policy of yours must open these pods;
in another namespace whoever is in the cluster reaches them.
{{- end }}
{{- if and (ne .Values.ingress.provider "none") (not .Values.ingress.tokenCheck.enabled) }}
The ingress checks no tokens; the service alone does.
{{- end }}
{{- end -}}
