#compdef leasectl
# SPDX-License-Identifier: Apache-2.0
# zsh completion for leasectl(1). The verbs, their arguments and the options are taken from "leasectl --help".

_leasectl_units() {
        leasectl list --no-legend --no-pager 2>/dev/null | awk '{ print $1 }'
}

_leasectl_machines() {
        leasectl machines --json=short 2>/dev/null | grep -o '"hostname":"[^"]*"' | cut -d '"' -f 4
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
          systemctl list-units --all --plain --no-legend --no-pager --type=$kinds } 2>/dev/null |
                awk '$1 !~ /@\.[a-z]+$/ { print $1 }' | sort -u
}

_leasectl() {
        local line word verb rest i previous=${words[CURRENT - 1]}
        local -A usage
        local -a options names match

        while IFS= read -r line; do
                [[ $line == 'Exit codes'* ]] && break
                [[ $line =~ '^  ([a-z][a-z-]*) +(.*)$' ]] && usage[$match[1]]=$match[2]
                for word in ${=line}; do
                        [[ $word =~ '^(--[a-z][a-z-]*)' ]] && options+=($match[1])
                done
        done < <(leasectl --help 2>/dev/null)

        for ((i = 2; i < CURRENT; i++)); do
                case ${words[i]} in
                -H|--host|--color|-E|--setenv|--working-directory|--slots|--key|--lines|--since|--clocks|--copies) ((i++)) ;;
                -*) ;;
                *) [[ -n $verb ]] && { names=(x); break }
                   verb=${words[i]} ;;
                esac
        done
        if [[ $verb == run && -n $names ]]; then
                shift $((i - 1)) words
                ((CURRENT -= i - 1))
                _normal
                return
        fi
        rest=$usage[$verb]
        if [[ $previous == (-H|--host) ]]; then
                _hosts
        elif [[ $words[CURRENT] == -* ]]; then
                compadd -- ${(u)options}
        elif [[ -z $verb ]]; then
                compadd -- ${(k)usage}
        else
                case $verb,$rest in
                set,*)
                        if [[ $previous != $verb ]]; then
                                compadd -S '' -- ${(f)"$(leasectl cat -- $words[i] 2>/dev/null |
                                        sed -n 's/^\([A-Za-z]*=\).*/\1/p' | sort -u)"}
                                return
                        fi
                        names=(/etc/leased/units/*(N:t)) ;;
                enable,*|check,*|cat,*) names=(${(f)"$(_leasectl_unit_files)"}) ;;
                disable,*|edit,*) names=(/etc/leased/units/*(N:t)) ;;
                set-metadata,*)
                        compadd -S '' -- ${(f)"$(leasectl set-metadata 2>/dev/null | sed 's/=.*/=/')"}
                        return ;;
                forget,*) names=(${(f)"$(_leasectl_machines; _leasectl_leases)"}) ;;
                registry,*) names=(accept forget) ;;
                *,\[VERB*) names=(${(k)usage}) ;;
                prove,*)
                        [[ $previous == $verb ]] || { _files; return }
                        names=(${(f)"$(_leasectl_units)"}) ;;
                *,'UNIT... MACHINE'*)
                        if [[ $previous == $verb ]]; then
                                names=(${(f)"$(_leasectl_everywhere)"})
                        else
                                names=(${(f)"$(_leasectl_everywhere; _leasectl_machines)"})
                        fi ;;
                (logs|stop|start|restart|release|rearm),*) names=(${(f)"$(_leasectl_everywhere)"}) ;;
                *,\[MACHINE\|UNIT*) names=(${(f)"$(_leasectl_machines; _leasectl_units)"}) ;;
                *,UNIT\|LEASE*|*,\[UNIT\|LEASE*) names=(${(f)"$(_leasectl_everywhere; _leasectl_leases)"}) ;;
                *,UNIT*|*,\[UNIT*) names=(${(f)"$(_leasectl_units)"}) ;;
                *,MACHINE*|*,\[MACHINE*) names=(${(f)"$(_leasectl_machines)"}) ;;
                *,LEASE*) names=(${(f)"$(_leasectl_leases)"}) ;;
                *) names=() ;;
                esac
                compadd -- ${(u)names}
        fi
}

_leasectl "$@"
