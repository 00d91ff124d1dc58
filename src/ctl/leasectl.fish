# SPDX-License-Identifier: Apache-2.0
# fish completion for leasectl(1). The verbs, their arguments and the options are taken from "leasectl --help".

function __leasectl_units
    leasectl list --no-legend --no-pager 2>/dev/null | awk '{ print $1 }'
end

function __leasectl_machines
    leasectl machines --json=short 2>/dev/null | grep -o '"hostname":"[^"]*"' | cut -d '"' -f 4
end

function __leasectl_leases
    busctl --json=short call org.leased1 /org/leased1 org.leased1.Manager ListLeases 2>/dev/null |
        grep -o '\["[^"]*"' | cut -d '"' -f 2 | sed 's/\\\\\\\\/\\\\/g'
end

# Prints the units of all machines, and UNIT#1, UNIT#2 and so on, the copies of a unit with Copies=.
function __leasectl_everywhere
    busctl --json=short call org.leased1 /org/leased1 org.leased1.Manager ListClusterUnits sast "" 0 0 2>/dev/null |
        grep -o '\["[^"]*","[^"]*","[^"]*"' | sed 's/\\\\\\\\/\\\\/g' |
        awk -F '"' '{ print $2 } $6 ~ /#[0-9]+$/ { sub(/.*#/, "#", $6); print $2 $6 }' | sort -u
end

# Prints the units of every kind that can be leased, loaded or not. Of templates only instances are printed.
function __leasectl_unit_files
    set -l kinds service,socket,timer,path,mount,automount,target
    begin
        systemctl list-unit-files --no-legend --no-pager --type=$kinds
        systemctl list-units --all --plain --no-legend --no-pager --type=$kinds
    end 2>/dev/null | awk '$1 !~ /@\.[a-z]+$/ { print $1 }' | sort -u
end

function __leasectl_help
    leasectl --help 2>/dev/null | sed '/^Exit codes/,$d'
end

function __leasectl_verbs
    __leasectl_help | sed -nE 's/^  ([a-z][a-z-]*) .*/\1/p'
end

# Prints the words that were typed so far, without options and their values: the verb and its arguments.
function __leasectl_words
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
        else if contains -- $word -H --host --color -E --setenv --working-directory --slots --key --lines --since --clocks --copies
            set skip 1
        else if not string match -q -- '-*' $word
            echo $word
        end
    end
end

function __leasectl
    set -l words (__leasectl_words)
    if test (count $words) = 0
        __leasectl_verbs
        return
    end
    set -l verb $words[1]
    set -l usage (__leasectl_help | sed -nE "s/^  $verb +//p")
    switch "$verb,$usage"
        case 'enable,*' 'check,*' 'cat,*'
            __leasectl_unit_files
        case 'set,*'
            if test (count $words) = 1
                ls /etc/leased/units 2>/dev/null
            else
                leasectl cat -- $words[2] 2>/dev/null | sed -n 's/^\([A-Za-z]*=\).*/\1/p' | sort -u
            end
        case 'disable,*' 'edit,*'
            ls /etc/leased/units 2>/dev/null
        case 'set-metadata,*'
            leasectl set-metadata 2>/dev/null | sed 's/=.*/=/'
        case 'forget,*'
            __leasectl_machines
            __leasectl_leases
        case 'registry,*'
            printf '%s\n' accept forget
        case '*,[VERB*'
            __leasectl_verbs
        case 'prove,*'
            if test (count $words) = 1
                __leasectl_units
            else
                __fish_complete_path (commandline -ct)
            end
        case '*,UNIT... MACHINE*'
            __leasectl_everywhere
            if test (count $words) -gt 1
                __leasectl_machines
            end
        case 'logs,*' 'stop,*' 'start,*' 'restart,*' 'release,*' 'rearm,*'
            __leasectl_everywhere
        case '*,[MACHINE|UNIT*'
            __leasectl_machines
            __leasectl_units
        case '*,UNIT|LEASE*' '*,[UNIT|LEASE*'
            __leasectl_everywhere
            __leasectl_leases
        case '*,UNIT*' '*,[UNIT*'
            __leasectl_units
        case '*,MACHINE*' '*,[MACHINE*'
            __leasectl_machines
        case '*,LEASE*'
            if test (count $words) = 1
                __leasectl_leases
            else
                complete -C (string join ' ' -- $words[3..-1] (commandline -ct))
            end
    end
end

complete -c leasectl -f -a '(__leasectl)'
# Tells fish each option by its name. An option takes a value if "leasectl --help" shows a "=" behind its name.
for word in (__leasectl_help | string match -ar -- '--[a-z][a-z-]*=?' | sort -u)
    set -l name (string replace -r -- '^--(.*?)=?$' '$1' $word)
    if string match -q -- '*=' $word
        complete -c leasectl -x -l $name
    else
        complete -c leasectl -l $name
    end
end
complete -c leasectl -x -s H -l host -a '(__fish_print_hostnames)'
