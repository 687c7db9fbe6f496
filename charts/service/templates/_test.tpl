{{/* What `helm test` runs: the service's own image, without its rights. Helm prints its log itself, and then takes it away however it ended:
`--logs` would look for a pod that is gone, and `helm uninstall` knows nothing of one that is left. */}}
{{- define "service.test" -}}
apiVersion: v1
kind: Pod
metadata:
  name: {{ include "service.name" . }}-test
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "service.selector" . | nindent 4 }}
    app.kubernetes.io/component: {{ .own.component }}
    app.kubernetes.io/part-of: crossdock
    crossdock.dev/process: test
  annotations:
    helm.sh/hook: test
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded,hook-failed
    helm.sh/hook-output-log-policy: hook-succeeded,hook-failed
    dapr.io/enabled: "false"
spec:
  restartPolicy: Never
  serviceAccountName: {{ include "service.name" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  securityContext: {{- include "service.podSecurity" . | nindent 4 }}
  {{- with .Values.image.pullSecrets }}
  imagePullSecrets: {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  containers:
    - {{ include "service.testContainer" . | nindent 6 | trim }}
  volumes:
    - name: tmp
      emptyDir: {sizeLimit: 16Mi}
    - name: secrets
      secret: {secretName: {{ .Values.test.secretName | default (printf "%s-test" (include "service.name" .)) }}, defaultMode: 0440}
{{- end -}}

{{- define "service.testContainer" -}}
name: test
image: {{ include "service.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
command: [python, -m, crossdock.acceptance]
env:
  - {name: CROSSDOCK_URL, value: "http://{{ include "service.name" . }}:8080"}
  - {name: CROSSDOCK_CARD, value: {{ include "service.name" . }}}
  - {name: CROSSDOCK_ISSUER, value: {{ include "service.issuer" . | quote }}}
  - {name: CROSSDOCK_ISSUER_DISCOVERY_URL, value: {{ .Values.platform.issuerDiscoveryUrl | quote }}}
  - {name: CROSSDOCK_CLIENT_ID, value: {{ .Values.test.client | default .own.testClients.client }}}
  - {name: CROSSDOCK_CLIENT_SECRET_FILE, value: /run/secrets/client-secret}
  - {name: CROSSDOCK_OTHER_CLIENT_ID, value: {{ .Values.test.otherClient | default .own.testClients.other }}}
  - {name: CROSSDOCK_OTHER_SECRET_FILE, value: /run/secrets/other-secret}
  {{- with .Values.test.strangerClient | default .own.testClients.stranger }}
  - {name: CROSSDOCK_STRANGER_CLIENT_ID, value: {{ . }}}
  - {name: CROSSDOCK_STRANGER_SECRET_FILE, value: /run/secrets/stranger-secret}
  {{- end }}
resources:
  requests: {cpu: 50m, memory: 160Mi}
  limits: {memory: 256Mi}
securityContext: {{- include "service.containerSecurity" . | nindent 2 }}
volumeMounts:
  - {name: tmp, mountPath: /tmp}
  - {name: secrets, mountPath: /run/secrets, readOnly: true}
{{- end -}}

{{- define "service.testNetworkPolicy" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "service.name" . }}-test
  namespace: {{ .Release.Namespace }}
  labels: {{- include "service.labels" . | nindent 4 }}
spec:
  podSelector:
    matchLabels:
      {{- include "service.selector" . | nindent 6 }}
      crossdock.dev/process: test
  policyTypes: [Ingress, Egress]
  egress:
    {{- range list "dns" "identity" "service" }}
    # {{ . }}
    - {{ include (printf "service.to.%s" .) $ | nindent 6 | trim }}
    {{- end }}
{{- end -}}
