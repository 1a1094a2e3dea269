# bash completion for guardctl; commands and options come from `guardctl help`.

_guardctl_pids() {
	guardctl ps 2>/dev/null | awk 'NR > 1 { print $1 }'
}

_guardctl_options() {
	guardctl help options --format=markdown 2>/dev/null | awk -F '|' 'NR > 2 { gsub(/ /, "", $2); print $2 "=" }'
}

_guardctl() {
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} i
	COMPREPLY=()
	# readline splits --name=value in three
	if [[ $current == = ]]; then
		current=
	elif [[ $previous == = ]]; then
		previous=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W "$(guardctl help 2>/dev/null | awk '/^  / { print $1 }') --help --version" -- "$current")
		return
	fi
	if [[ $command == run ]]; then
		for ((i = 2; i < COMP_CWORD; i++)); do
			case ${COMP_WORDS[i]} in
			-o | --output | --report | --set | --top | --callsites) ((i++)) ;;
			-*) [[ ${COMP_WORDS[i]} == -- ]] || continue ;;&
			*)
				[[ ${COMP_WORDS[i]} == -- ]] && ((i++))
				((i < COMP_CWORD)) || { mapfile -t COMPREPLY < <(compgen -c -- "$current"); return; }
				mapfile -t COMPREPLY < <(compgen -f -- "$current")
				return
				;;
			esac
		done
	fi
	case $previous in
	-o | --output | --socket | --sysroot) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
	--report) mapfile -t COMPREPLY < <(compgen -W 'text json' -- "$current"); return ;;
	--set) compopt -o nospace 2>/dev/null; mapfile -t COMPREPLY < <(compgen -W "$(_guardctl_options)" -- "$current"); return ;;
	--format) mapfile -t COMPREPLY < <(compgen -W 'text markdown man' -- "$current"); return ;;
	esac
	if [[ $current == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(guardctl help "$command" 2>/dev/null | grep -oE -- '--[a-z]+' | sort -u) --help" -- "$current")
		return
	fi
	case $command in
	run) mapfile -t COMPREPLY < <(compgen -c -- "$current") ;;
	replay) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
	report) mapfile -t COMPREPLY < <(compgen -f -- "$current"; compgen -W "$(_guardctl_pids)" -- "$current") ;;
	check | mark) mapfile -t COMPREPLY < <(compgen -W "$(_guardctl_pids)" -- "$current") ;;
	set)
		if ((COMP_CWORD == 2)); then
			mapfile -t COMPREPLY < <(compgen -W "$(_guardctl_pids)" -- "$current")
		else
			compopt -o nospace 2>/dev/null
			mapfile -t COMPREPLY < <(compgen -W "$(_guardctl_options)" -- "$current")
		fi
		;;
	help) mapfile -t COMPREPLY < <(compgen -W "options $(guardctl help 2>/dev/null | awk '/^  / { print $1 }')" -- "$current") ;;
	esac
}

complete -F _guardctl guardctl
