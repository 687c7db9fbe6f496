{{/* Where the release's Secret comes from, if not from somebody who made it before. No value of it is in a chart. */}}
{{- define "service.secretObjects" -}}
{{- if eq .Values.secrets.source "external-secrets" }}{{ include "service.externalSecret" . }}
{{- else if eq .Values.secrets.source "csi" }}{{ include "service.secretProviderClass" . }}
{{- end -}}
{{- end -}}

{{- define "service.externalSecret" -}}
{{- $external := .Values.secrets.externalSecrets -}}
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{- include "service.metadata" . | nindent 2 }}
spec:
  refreshInterval: {{ $external.refreshInterval }}
  secretStoreRef: {kind: {{ $external.storeKind }}, name: {{ $external.storeName }}}
  target: {name: {{ include "service.secretName" . }}, creationPolicy: Owner}
  data:
    {{- range concat .own.secretKeys (compact (list .Values.platform.redis.caKey)) .Values.secrets.additionalKeys | uniq }}
    - secretKey: {{ . }}
      remoteRef: {key: {{ $external.path | default (include "service.name" $) }}, property: {{ . }}}
    {{- end }}
{{- end -}}

{{- define "service.secretProviderClass" -}}
apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata: {{- include "service.metadata" . | nindent 2 }}
spec:
  provider: {{ .Values.secrets.csi.provider }}
  parameters: {{- toYaml .Values.secrets.csi.parameters | nindent 4 }}
{{- end -}}
