# SPDX-License-Identifier: Apache-2.0
# bash completion for leasectl(1)

# Behind "run" and its options comes the name of a lease, and behind that the command's own line.
_leasectl_run() {
        local i

        for ((i = $1 + 1; i < COMP_CWORD; i++)); do
                case ${COMP_WORDS[i]} in
                -E|--setenv|--working-directory|--slots) ((i++)) ;;
                -*|=) ;;
                *)
                        if declare -F _command_offset >/dev/null; then
                                _command_offset $((i + 1))
                        else
                                COMPREPLY=($(compgen -c -- "${COMP_WORDS[COMP_CWORD]}"))
                        fi
                        return 0 ;;
                esac
        done
        return 1
}

_leasectl_leases() {
        busctl --json=short call org.leased1 /org/leased1 org.leased1.Manager ListLeases 2>/dev/null |
                grep -o '\["[^"]*"' | cut -d '"' -f 2
}

# Prints the units of every kind that can be leased, loaded or not. Of templates only instances are printed.
_leasectl_unit_files() {
        local kinds=service,socket,timer,path,mount,automount,target

        { systemctl list-unit-files --no-legend --no-pager --type=$kinds
          systemctl list-units --all --plain --no-legend --no-pager --type=$kinds; } 2>/dev/null |
                awk '$1 !~ /@\.[a-z]+$/ { print $1 }' | sort -u
}

_leasectl() {
        local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} word verb= i
        local verbs='status list machines history logs monitor prove metrics is-held check enable disable stop start restart
                release transfer steal rearm drain undrain confirm-dead pause resume run rebalance forget cat set edit submit destroy list-files verify accept-files set-metadata registry config setup reload help version'
        local options='--help --version --host --color --json --no-pager --no-legend --no-wait --picture --lines --since --clocks --stop --anyway --force
                --all --all-machines --dry-run --until-reboot --tls --add --remove --rejoin --pty --pipe --setenv --working-directory --slots --key --no-roll --start --copies'

        for ((i = 1; i < COMP_CWORD; i++)); do
                word=${COMP_WORDS[i]}
                case $word in
                -H|--host|--color|-E|--setenv|--working-directory|--slots|--key) ((i++)) ;;
                -*|=) ;;
                *) verb=$word; break ;;
                esac
        done
        COMPREPLY=()
        if [[ $verb == run ]] && _leasectl_run "$i"; then
                return
        fi
        if [[ $previous == -H || $previous == --host ]]; then
                COMPREPLY=($(compgen -A hostname -- "$current"))
        elif [[ $current == -* ]]; then
                # Behind a verb, only the options that it knows.
                [[ -n $verb ]] && options=$(leasectl help "$verb" 2>/dev/null | grep -o '^  .. --[a-z-]*' | cut -c 6-)
                COMPREPLY=($(compgen -W "$options" -- "$current"))
        elif [[ -z $verb ]]; then
                COMPREPLY=($(compgen -W "$verbs" -- "$current"))
        else
                local -a units=()
                case $verb in
                transfer)
                        if [[ $previous == transfer ]]; then
                                mapfile -t units < <(leasectl list --no-legend --no-pager 2>/dev/null | awk '{ print $1 }')
                        else
                                mapfile -t units < <(leasectl machines --json=short 2>/dev/null |
                                        grep -o '"hostname":"[^"]*"' | cut -d '"' -f 4)
                        fi ;;
                forget)
                        mapfile -t units < <(leasectl machines --json=short 2>/dev/null |
                                grep -o '"hostname":"[^"]*"' | cut -d '"' -f 4
                                _leasectl_leases) ;;
                list|drain|undrain|confirm-dead)
                        mapfile -t units < <(leasectl machines --json=short 2>/dev/null |
                                grep -o '"hostname":"[^"]*"' | cut -d '"' -f 4) ;;
                help)
                        read -ra units <<<"${verbs//$'\n'/ }" ;;
                registry)
                        units=(accept forget) ;;
                set-metadata)
                        compopt -o nospace
                        mapfile -t units < <(leasectl set-metadata 2>/dev/null | sed 's/=.*/=/') ;;
                run)
                        mapfile -t units < <(_leasectl_leases) ;;
                prove)
                        if [[ $previous == prove ]]; then
                                mapfile -t units < <(leasectl list --no-legend --no-pager 2>/dev/null | awk '{ print $1 }')
                        else
                                mapfile -t units < <(compgen -f -- "$current")
                        fi ;;
                history|is-held)
                        mapfile -t units < <(leasectl list --no-legend --no-pager 2>/dev/null | awk '{ print $1 }'
                                _leasectl_leases) ;;
                status|logs|stop|start|restart|release|steal|rearm)
                        mapfile -t units < <(leasectl list --no-legend --no-pager 2>/dev/null | awk '{ print $1 }') ;;
                set)
                        if [[ $previous == set ]]; then
                                mapfile -t units < <(ls /etc/leased/units 2>/dev/null)
                        else
                                compopt -o nospace
                                mapfile -t units < <(leasectl cat -- "${COMP_WORDS[i + 1]}" 2>/dev/null |
                                        sed -n 's/^\([A-Za-z]*=\).*/\1/p' | sort -u)
                        fi ;;
                disable|edit)
                        mapfile -t units < <(ls /etc/leased/units 2>/dev/null) ;;
                submit)
                        mapfile -t units < <(compgen -f -- "$current") ;;
                destroy|list-files|verify)
                        mapfile -t units < <(leasectl list-files --no-legend --no-pager 2>/dev/null | awk '{ print $1 }') ;;
                enable|check|cat)
                        mapfile -t units < <(_leasectl_unit_files) ;;
                esac
                # Names of units may have a backslash in them, which must be typed as two.
                for word in "${units[@]}"; do
                        [[ $word == "$current"* ]] && COMPREPLY+=("$(printf '%q' "$word")")
                done
        fi
}

complete -F _leasectl leasectl
