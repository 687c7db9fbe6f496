{{/* Contradictions that a schema cannot tell. Each message says what to change. */}}
{{- define "service.refusals" -}}
{{- $problems := list -}}
{{- if gt (len (include "service.name" .)) 52 }}
{{- $problems = append $problems (printf "the release's objects would be named %s, which leaves no room for -management in 63 letters: choose a shorter release name" (include "service.name" .)) }}
{{- end }}
{{- $scaled := list (list "autoscaling" .Values.autoscaling) -}}
{{- if .own.tasks }}{{ $scaled = append $scaled (list "worker.autoscaling" .Values.worker.autoscaling) }}{{ end -}}
{{- range $scaled }}
{{- if gt (int (index . 1).minReplicas) (int (index . 1).maxReplicas) }}
{{- $problems = append $problems (printf "%s.minReplicas is greater than %s.maxReplicas" (index . 0) (index . 0)) }}
{{- end }}
{{- end }}
{{- if .own.tasks }}{{ $problems = concat $problems (include "service.taskRefusals" . | fromYamlArray) }}{{ end -}}
{{- $problems = concat $problems (include "service.resourceRefusals" . | fromYamlArray) -}}
{{- range $key, $_ := .Values.podAnnotations }}
{{- if regexMatch `^(dapr\.io|crossdock\.dev)/` $key }}{{ $problems = append $problems (printf "podAnnotations: %s is the chart's own, which says who may call the pod: leave it out" $key) }}{{ end }}
{{- end }}
{{- $home := .own.namespace -}}
{{- if and $home (ne .Release.Namespace $home) }}
{{- $problems = append $problems (printf "the release would stand in the namespace %s, whose policies and Secrets are not for it: install it with -n %s" .Release.Namespace $home) }}
{{- end }}
{{- range $name := list "image.registry" "image.repository" }}
{{- $value := get $.Values.image (splitList "." $name | last) }}
{{- if regexMatch "[@]|:[^/]*$" $value }}{{ $problems = append $problems (printf "%s is %s: write tag and digest into values of their own" $name $value) }}{{ end }}
{{- end -}}
{{- $problems = concat $problems (.own.problems | default list) -}}
{{- if $problems }}
{{- fail (printf "\n\nThese values contradict each other:\n  * %s\n" (join "\n  * " $problems)) }}
{{- end }}
{{- end -}}

{{/* Requests and limits that no pod could have, and an autoscaler that has nothing to count by. */}}
{{- define "service.resourceRefusals" -}}
{{- $every := list (dict "name" "resources" "resources" .Values.resources "scaling" "autoscaling" "scaled" .Values.autoscaling.enabled) -}}
{{- if and .own.tasks .Values.worker.enabled }}
{{- $every = append $every (dict "name" "worker.resources" "resources" (.Values.worker.resources | default .Values.resources) "scaling" "worker.autoscaling" "scaled" .Values.worker.autoscaling.enabled) -}}
{{- end }}
{{- range $each := $every }}
{{- $requests := ($each.resources | default dict).requests | default dict }}
{{- $limits := ($each.resources | default dict).limits | default dict }}
{{- range $kind := list "cpu" "memory" }}
{{- $asked := get $requests $kind }}
{{- $most := get $limits $kind }}
{{- if and $asked $most (gt (include "service.quantity" $asked | float64) (include "service.quantity" $most | float64)) }}
- "{{ $each.name }}.requests.{{ $kind }} is {{ $asked }}, more than {{ $each.name }}.limits.{{ $kind }}, {{ $most }}: ask for less, or allow more"
{{- end }}
{{- if and $each.scaled (not $asked) (not $most) }}
- "{{ $each.scaling }} counts by what a pod requests, and {{ $each.name }}.requests.{{ $kind }} is not set: set it, or {{ $each.scaling }}.enabled to false"
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* As a number, of bytes or of CPUs. */}}
{{- define "service.quantity" -}}
{{- $text := toString . -}}
{{- $unit := regexFind "[A-Za-z]*$" $text -}}
{{- $units := dict "" 1.0 "m" 0.001 "k" 1e3 "M" 1e6 "G" 1e9 "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 -}}
{{ mulf (trimSuffix $unit $text | float64) (get $units $unit) }}
{{- end -}}

{{- define "service.taskRefusals" -}}
{{- $values := .Values -}}
{{- $scaled := $values.worker.enabled | ternary "worker.autoscaling" "autoscaling" -}}
{{- $scaling := $values.worker.enabled | ternary $values.worker.autoscaling $values.autoscaling -}}
{{- if and $values.keda.enabled $scaling.enabled }}
- "keda.enabled and {{ $scaled }}.enabled are both true, and would set the same number: set {{ $scaled }}.enabled to false"
{{- end }}
{{- if gt (int $values.keda.minReplicas) (int $values.keda.maxReplicas) }}
- "keda.minReplicas is greater than keda.maxReplicas"
{{- end }}
{{- if and (eq $values.platform.redis.mode "sentinel") (not $values.platform.redis.master) }}
- "platform.redis.mode is sentinel: name the master that the Sentinels watch in platform.redis.master"
{{- end }}
{{- if and $values.ingress.tokenCheck.enabled (eq $values.ingress.provider "gateway") (not $values.ingress.gateway.snippets) }}
- "ingress.provider gateway checks tokens by snippets: set ingress.gateway.snippets to true where the controller allows them, else ingress.tokenCheck.enabled to false (services check every token themselves)"
{{- end }}
{{- if and (eq $values.secrets.source "external-secrets") (not $values.secrets.externalSecrets.storeName) }}
- "secrets.source is external-secrets: name the store in secrets.externalSecrets.storeName"
{{- end }}
{{- if and (eq $values.secrets.source "csi") (not $values.secrets.csi.provider) }}
- "secrets.source is csi: name the driver's provider in secrets.csi.provider"
{{- end }}
{{- if and (eq $values.secrets.source "csi") $values.secrets.name }}
- "secrets.source is csi, which mounts files without a Secret: leave secrets.name empty"
{{- end }}
{{- if and $values.ingress.annotations (has $values.ingress.provider (list "gateway" "none")) }}
- "ingress.annotations are for Ingresses, and ingress.provider {{ $values.ingress.provider }} makes none: leave them empty"
{{- end }}
{{- range $key, $_ := $values.ingress.annotations }}
{{- if regexMatch "^nginx\\.(org|com)/|^nginx\\.ingress\\.kubernetes\\.io/" $key }}
- "ingress.annotations: {{ $key }} tells the controller how to carry requests, which the chart does: leave it out (ingress.rateLimit, ingress.tokenCheck, settings.max_body and settings.stream_idle_seconds are yours)"
{{- end }}
{{- end }}
{{- if has .Release.Name (list "auth" "grpc") }}
- "the release name {{ .Release.Name }} is a host name of the platform: choose another"
{{- end }}
{{- end -}}
