{{/* The name of the chart's part in the names of objects. */}}
{{- define "kago.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The name of all objects: RELEASE-kago, or RELEASE where it says kago already. */}}
{{- define "kago.fullname" -}}
{{- $name := include "kago.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* Names of objects of no namespace, which two releases of one name must not share. */}}
{{- define "kago.clusterName" -}}
{{- printf "%s:%s" .Release.Namespace (include "kago.fullname" .) }}
{{- end }}

{{- define "kago.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "kago.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "kago.secretName" -}}
{{- default (printf "%s-bgp" (include "kago.fullname" .)) .Values.existingSecret }}
{{- end }}

{{/* Those of load balancers alone, and not of the test's pod. */}}
{{- define "kago.selectorLabels" -}}
app.kubernetes.io/name: {{ include "kago.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: load-balancer
{{- end }}

{{/* Those of the agents of nodes. */}}
{{- define "kago.agentLabels" -}}
app.kubernetes.io/name: {{ include "kago.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: agent
{{- end }}

{{- define "kago.labels" -}}
app.kubernetes.io/name: {{ include "kago.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Labels and annotations of an object: list ROOT LABELS ANNOTATIONS */}}
{{- define "kago.metadata" -}}
{{- $root := index . 0 -}}
labels:
  {{- include "kago.labels" $root | nindent 2 }}
  {{- with index . 1 }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with mergeOverwrite dict ($root.Values.commonAnnotations | default dict) (index . 2 | default dict) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Without a registry a runtime asks its default one, where these names are not kago's: list IMAGE REPOSITORY */}}
{{- define "kago.checkRegistry" -}}
{{- $repository := index . 1 }}
{{- if not (or (index . 0).registry (regexMatch "^(localhost|[^/]*[.:][^/]*)/" $repository)) }}
{{- fail (printf "image.registry: it is empty, and a node would fetch %s from the default registry of its runtime, where it is not kago's. Build the images (scripts/images build), bring them to a registry (docs/install.md) and name it: --set image.registry=registry.example.com/kago; or, if they were imported on each node: --set image.registry=localhost" $repository) }}
{{- end }}
{{- end }}

{{/* An image: list ROOT CONTAINER */}}
{{- define "kago.image" -}}
{{- $image := (index . 0).Values.image }}
{{- $of := index $image (index . 1) }}
{{- include "kago.checkRegistry" (list $image $of.repository) }}
{{- with $image.registry }}{{ . }}/{{ end }}{{ $of.repository }}
{{- if $of.digest }}@{{ $of.digest }}{{ else }}:{{ $image.tag | default (index . 0).Chart.AppVersion }}{{ end }}
{{- end }}

{{/* Where the Leases of others are by which they agree who leads, or which nodes live: the Role could change those, too. */}}
{{- define "kago.checkNamespace" -}}
{{- if and (has .Release.Namespace (list "kube-system" "kube-node-lease")) (not .Values.allowSystemNamespace) }}
{{- fail (printf "the namespace %s has Leases of the control plane or of nodes, and load balancers may change and delete all Leases of their namespace: install into one of their own (kubectl create namespace kago, then -n kago), or say allowSystemNamespace=true" .Release.Namespace) }}
{{- end }}
{{- end }}

{{/* The strategy of the workload: of those that its kind has, and without what only RollingUpdate has. */}}
{{- define "kago.updateStrategy" -}}
{{- $type := .Values.updateStrategy.type | default "RollingUpdate" }}
{{- $known := eq .Values.kind "Deployment" | ternary (list "RollingUpdate" "Recreate") (list "RollingUpdate" "OnDelete") }}
{{- if not (has $type $known) }}
{{- fail (printf "updateStrategy.type: a %s has no '%s'; right would be %s" .Values.kind $type (join " or " $known)) }}
{{- end }}
{{- toYaml (eq $type "RollingUpdate" | ternary .Values.updateStrategy (omit .Values.updateStrategy "rollingUpdate")) }}
{{- end }}

{{/* Milliseconds of a duration of kago.yaml: list KEY TEXT */}}
{{- define "kago.milliseconds" -}}
{{- $key := index . 0 }}
{{- $text := index . 1 | toString }}
{{- if not (regexMatch "^([0-9]{1,9}(us|ms|s|m|h))+$" $text) }}
{{- fail (printf "%s: '%s' is not a duration; right would be 500ms, 25s or 2m" $key $text) }}
{{- end }}
{{- $sum := 0 }}
{{- range $part := regexFindAll "[0-9]+[a-z]+" $text -1 }}
{{- $unit := regexFind "[a-z]+$" $part }}
{{- $number := trimSuffix $unit $part | int64 }}
{{- if eq $unit "us" }}{{ $sum = add $sum (div (add $number 999) 1000) }}
{{- else }}{{ $sum = add $sum (mul $number (get (dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000) $unit)) }}
{{- end }}
{{- end }}
{{- $sum }}
{{- end }}

{{/* Seconds from SIGTERM to SIGKILL: the controller's own limit, and time for its end. */}}
{{- define "kago.gracePeriod" -}}
{{- $timeout := ((.Values.config).keepalived).shutdownTimeout | default "25s" }}
{{- $drain := ((.Values.config).node).drain | default "5s" }}
{{- $timeoutMs := include "kago.milliseconds" (list "config.keepalived.shutdownTimeout" $timeout) | int64 }}
{{- $drainMs := include "kago.milliseconds" (list "config.node.drain" $drain) | int64 }}
{{- if le $timeoutMs $drainMs }}
{{- fail (printf "config.keepalived.shutdownTimeout: '%s' must be longer than config.node.drain, which is '%s'" $timeout $drain) }}
{{- end }}
{{- add 10 (div (add $timeoutMs 999) 1000) }}
{{- end }}
