{{- define "service.container" -}}
name: service
image: {{ include "service.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
env: {{- include "service.environment" . | trim | nindent 2 }}
ports:
  - {name: http, containerPort: 8080, protocol: TCP}
  - {name: management, containerPort: 9080, protocol: TCP}
  {{- if .own.grpc }}
  - {name: grpc, containerPort: 10080, protocol: TCP}
  {{- end }}
{{ include "service.probes" . }}
lifecycle:
  preStop:
    sleep: {seconds: {{ include "service.pauseSeconds" . }}}
resources: {{- toYaml .own.resources | nindent 2 }}
securityContext: {{- include "service.containerSecurity" . | nindent 2 }}
volumeMounts:
  - {name: tmp, mountPath: /tmp}
  {{- if .own.secrets }}
  - {name: secrets, mountPath: /run/secrets, readOnly: true}
  {{- end }}
  {{- if .own.files }}
  - {name: configuration, mountPath: /etc/crossdock, readOnly: true}
  {{- end }}
{{- end -}}

{{/* A busy process is not killed: only one whose event loop stands still for two minutes. */}}
{{- define "service.probes" -}}
startupProbe:
  httpGet: {path: /livez, port: management}
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 60
readinessProbe:
  httpGet: {path: /readyz, port: management}
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 3
livenessProbe:
  httpGet: {path: /livez, port: management}
  periodSeconds: 20
  timeoutSeconds: 5
  failureThreshold: 6
{{- end -}}

{{- define "service.volumes" -}}
- name: tmp
  emptyDir: {sizeLimit: 128Mi}
{{- if .own.secrets }}
- name: secrets
{{- if eq .Values.secrets.source "csi" }}
  csi:
    driver: secrets-store.csi.k8s.io
    readOnly: true
    volumeAttributes: {secretProviderClass: {{ include "service.name" . }}}
{{- else }}
  secret: {secretName: {{ include "service.secretName" . }}, defaultMode: 0440}
{{- end }}
{{- end }}
{{- if .own.files }}
- name: configuration
  configMap: {name: {{ include "service.name" . }}, defaultMode: 0444}
{{- end }}
{{- end -}}

{{- define "service.secretName" -}}
{{ .Values.secrets.name | default (include "service.name" .) }}
{{- end -}}
