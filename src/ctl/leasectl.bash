# SPDX-License-Identifier: Apache-2.0
# bash completion for leasectl(1)

# Behind "run" and its options comes the name of a lease, and behind that the command's own line.
_leasectl_run() {
        local i=1

        # With an open quote, "run" may be in the middle of a word.
        while ((i < COMP_CWORD)) && [[ ${COMP_WORDS[i]} != run ]]; do
                ((i++))
        done
        for ((i++; i < COMP_CWORD; i++)); do
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
                grep -o '\["[^"]*"' | cut -d '"' -f 2 | sed 's/\\\\/\\/g'
}

# Prints the units of all machines, and UNIT#1, UNIT#2 and so on, the copies of a unit with Copies=.
_leasectl_everywhere() {
        busctl --json=short call org.leased1 /org/leased1 org.leased1.Manager ListClusterUnits sast "" 0 0 2>/dev/null |
                grep -o '\["[^"]*","[^"]*","[^"]*"' | sed 's/\\\\/\\/g' |
                awk -F '"' '{ print $2 } $6 ~ /#[0-9]+$/ { sub(/.*#/, "#", $6); print $2 $6 }' | sort -u
}

# Prints the units of every kind that can be leased, loaded or not. Of templates only instances are printed.
_leasectl_unit_files() {
        local kinds=service,socket,timer,path,mount,automount,target

        { systemctl list-unit-files --no-legend --no-pager --type=$kinds
          systemctl list-units --all --plain --no-legend --no-pager --type=$kinds; } 2>/dev/null |
                awk '$1 !~ /@\.[a-z]+$/ { print $1 }' | sort -u
}

_leasectl() {
        # bash parts the line also at "@" and ":", which names of units have; here words end at blanks only.
        local line=${COMP_LINE:0:COMP_POINT} breaks=${COMP_WORDBREAKS//[^@:=]/} current previous skip= word verb= i
        local -a words
        local verbs='status list machines history logs monitor prove metrics is-held check enable disable stop start restart
                release transfer steal rearm drain undrain confirm-dead pause resume run rebalance forget cat set edit submit destroy list-files verify accept-files set-metadata registry config setup reload help version'
        local options='--help --version --host --color --json --no-pager --no-legend --no-wait --picture --here --lines --since --clocks --stop --anyway --force
                --all --all-machines --dry-run --until-reboot --tls --add --remove --rejoin --pty --pipe --setenv --working-directory --slots --key --no-roll --start --copies'

        read -ra words <<<"$line"
        [[ $line == *[[:blank:]] ]] && words+=('')
        current=${words[-1]}
        previous=${words[-2]}
        for ((i = 1; i < ${#words[@]} - 1; i++)); do
                word=${words[i]}
                case $word in
                -H|--host|--color|-E|--setenv|--working-directory|--slots|--key|--lines|--since|--clocks|--copies) ((i++)) ;;
                -*) ;;
                *) verb=$word; break ;;
                esac
        done
        COMPREPLY=()
        if [[ $verb == run ]] && _leasectl_run; then
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
                                mapfile -t units < <(_leasectl_everywhere)
                        else
                                mapfile -t units < <(_leasectl_everywhere
                                        leasectl machines --json=short 2>/dev/null |
                                                grep -o '"hostname":"[^"]*"' | cut -d '"' -f 4)
                        fi ;;
                forget)
                        mapfile -t units < <(leasectl machines --json=short 2>/dev/null |
                                grep -o '"hostname":"[^"]*"' | cut -d '"' -f 4
                                _leasectl_leases) ;;
                list)
                        mapfile -t units < <(leasectl machines --json=short 2>/dev/null |
                                grep -o '"hostname":"[^"]*"' | cut -d '"' -f 4
                                leasectl list --no-legend --no-pager 2>/dev/null | awk '{ print $1 }') ;;
                drain|undrain|confirm-dead)
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
                        mapfile -t units < <(_leasectl_everywhere; _leasectl_leases) ;;
                logs|stop|start|restart|release|rearm)
                        mapfile -t units < <(_leasectl_everywhere) ;;
                status|steal)
                        mapfile -t units < <(leasectl list --no-legend --no-pager 2>/dev/null | awk '{ print $1 }') ;;
                set)
                        if [[ $previous == set ]]; then
                                mapfile -t units < <(ls /etc/leased/units 2>/dev/null)
                        else
                                compopt -o nospace
                                mapfile -t units < <(leasectl cat -- "${words[i + 1]}" 2>/dev/null |
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
                        printf -v word '%q' "$word"
                        [[ $word == "$current"* ]] && COMPREPLY+=("$word")
                done
        fi
        # What stands before the last of these stays on the line, and only the rest is replaced, with an "@" itself.
        [[ -n $breaks ]] && skip=${current%"${current##*[$breaks]}"}
        COMPREPLY=("${COMPREPLY[@]#"${skip%@}"}")
}

complete -F _leasectl leasectl
