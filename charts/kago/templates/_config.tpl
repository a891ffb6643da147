{{/* The keys that the chart sets, or that cannot be the same for all pods, and what to use instead. */}}
{{- define "kago.managedKeys" -}}
http.listen: "it is the port 9440 of the pod's address"
http.probes: "it is the port 9441 of the pod's address, which the probes use"
keepalived.program: "the image has it"
keepalived.stateDir: "it is the writable /run/kago"
bgp.program: "the image has it"
bgp.bfd.program: "the image has it"
bgp.stateDir: "it is the writable /run/kago-exabgp"
l2.program: "the image has it"
l2.template: "the image has it"
l2.stateDir: "it is the writable /run/kago-l2"
node.podAddress: "each pod has its own, from its status"
node.podAddress6: "each pod has its own, from its status"
node.nodeAddress: "each pod has its own, from its node's status"
node.nodeAddress6: "each pod has its own, from its node's status"
node.netns: "the value nodeRoutes says whether the node's routes are set"
kubernetes.kubeconfig: "the pod's service account is used"
kubernetes.context: "the pod's service account is used"
kubernetes.leaseNamespace: "it is the release's namespace, where the Role for Leases is"
kubernetes.identity: "it is the pod's name"
{{- end }}

{{/* kago.yaml: the value config, checked, with what the chart sets. */}}
{{- define "kago.config" -}}
{{- $config := deepCopy (.Values.config | default dict) }}
{{- range $key, $why := include "kago.managedKeys" . | fromYaml }}
{{- $path := splitList "." $key }}
{{- $section := $config }}
{{- range initial $path }}
{{- $section = get $section . | default dict }}
{{- end }}
{{- if hasKey $section (last $path) }}
{{- fail (printf "config.%s: cannot be set: %s" $key $why) }}
{{- end }}
{{- end }}
{{- include "kago.checkL2" . }}
{{- include "kago.checkExec" . }}
{{- $at := .BgpAt | default "config.bgp" }}
{{- range $i, $peer := ($config.bgp).peers }}
{{- include "kago.checkPassword" (list $ (printf "%s.peers[%d].passwordFile" $at $i) ($peer.passwordFile | default "")) }}
{{- end }}
{{- $http := dict "listen" "pod:9440" "probes" "pod:9441" }}
{{- $readers := include "kago.readers" . | fromYamlArray }}
{{- if and $readers (not (hasKey ($config.http | default dict) "allow")) }}
{{- $_ := set $http "allow" $readers }}
{{- end }}
{{- toYaml (mustMergeOverwrite $config (dict "http" $http)) }}
{{- end }}

{{/* "l2" if VIPs are answered for on the node's network, and not announced by BGP. */}}
{{- define "kago.l2" -}}
{{- if eq "l2" ((.Values.config).announce | default "bgp") }}l2{{ end }}
{{- end }}

{{/* What does not go with that, and why. */}}
{{- define "kago.checkL2" -}}
{{- if include "kago.l2" . }}
{{- if .Values.groups }}
{{- fail "groups: are racks with routers of their own, and with config.announce: l2 all load balancers of a fleet are in one network: leave groups out, and have a release and a fleet for each network" }}
{{- end }}
{{- if not .Values.nodeRoutes }}
{{- fail "nodeRoutes: with config.announce: l2 load balancers answer for VIPs on the network of their node, and have to have routes and sockets there: it cannot be false" }}
{{- end }}
{{- range $key := list "peers" "aggregates" "nextHop" }}
{{- if get ((($.Values.config).bgp) | default dict) $key }}
{{- fail (printf "config.bgp.%s: for config.announce: bgp alone; with l2 nobody speaks BGP: leave it out" $key) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* "exec" if VIPs are announced by a program of the user's. */}}
{{- define "kago.exec" -}}
{{- if eq "exec" ((.Values.config).announce | default "bgp") }}exec{{ end }}
{{- end }}

{{/* What does not go with that, and why. */}}
{{- define "kago.checkExec" -}}
{{- if include "kago.exec" . }}
{{- if .Values.groups }}
{{- fail "groups: are racks with routers of their own, and with config.announce: exec nobody speaks to routers: leave groups out" }}
{{- end }}
{{- range $key := list "peers" "aggregates" "nextHop" }}
{{- if get ((($.Values.config).bgp) | default dict) $key }}
{{- fail (printf "config.bgp.%s: for config.announce: bgp alone; with exec nobody speaks BGP: leave it out" $key) }}
{{- end }}
{{- end }}
{{- if not (hasPrefix "/" (((.Values.config).exec).program | default "")) }}
{{- fail "config.exec.program: with config.announce: exec it has to be the whole path of a program in the container exabgp, such as one of exabgp.extraVolumeMounts (docs/exec.md)" }}
{{- end }}
{{- end }}
{{- end }}

{{/* The prefixes of networkPolicy.metricsFrom, as a list; empty if it also names what has no prefix. */}}
{{- define "kago.readers" -}}
{{- $cidrs := list }}
{{- $others := not .Values.networkPolicy.enabled }}
{{- range .Values.networkPolicy.metricsFrom }}
{{- if and .ipBlock (not .ipBlock.except) }}
{{- $cidrs = append $cidrs .ipBlock.cidr }}
{{- else }}
{{- $others = true }}
{{- end }}
{{- end }}
{{- $others | ternary list $cidrs | toYaml }}
{{- end }}

{{/* Fails for a password in the Secret that is not there: list ROOT KEY FILE */}}
{{- define "kago.checkPassword" -}}
{{- $values := (index . 0).Values }}
{{- $file := index . 2 }}
{{- $name := trimPrefix "/etc/kago-secrets/" $file }}
{{- if and (ne $name $file) (not $values.existingSecret) (not (hasKey ($values.bgpPasswords | default dict) $name)) }}
{{- fail (printf "%s: '%s' is not there: set bgpPasswords.%s, or existingSecret to a Secret with a key %s" (index . 1) $file $name $name) }}
{{- end }}
{{- end }}
