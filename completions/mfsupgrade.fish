# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_mfsupgrade_global_optspecs
    string join \n color= h/help V/version
end

function __fish_mfsupgrade_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_mfsupgrade_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_mfsupgrade_using_subcommand
    set -l cmd (__fish_mfsupgrade_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c mfsupgrade -n "__fish_mfsupgrade_needs_command" -l color -d 'Colour: on a terminal only (auto), always or never; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mfsupgrade -n "__fish_mfsupgrade_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mfsupgrade -n "__fish_mfsupgrade_needs_command" -s V -l version -d 'Print version'
complete -c mfsupgrade -n "__fish_mfsupgrade_needs_command" -f -a "plan" -d 'Show every step, command, gate and wait; contacts no host unless --observe is given'
complete -c mfsupgrade -n "__fish_mfsupgrade_needs_command" -f -a "check" -d 'Look at every host and the master, and tell what blocks an upgrade; changes nothing'
complete -c mfsupgrade -n "__fish_mfsupgrade_needs_command" -f -a "upgrade" -d 'Upgrade the cluster: look at it, show what will happen, ask, and do it'
complete -c mfsupgrade -n "__fish_mfsupgrade_needs_command" -f -a "status" -d 'Tell where a run is, from its journal and events; contacts no host'
complete -c mfsupgrade -n "__fish_mfsupgrade_needs_command" -f -a "resume" -d 'Resume a stopped run at the first unfinished step'
complete -c mfsupgrade -n "__fish_mfsupgrade_needs_command" -f -a "rollback" -d 'Bring the old release back: take back what a run has changed, whether it finished or stopped in the middle'
complete -c mfsupgrade -n "__fish_mfsupgrade_needs_command" -f -a "rehearse" -d 'Try the whole upgrade on a simulated cluster on this machine'
complete -c mfsupgrade -n "__fish_mfsupgrade_needs_command" -f -a "explain" -d 'Explain the code of a finding, of a refused plan, or of an exit: what it means, and whether and how it can be accepted'
complete -c mfsupgrade -n "__fish_mfsupgrade_needs_command" -f -a "completions" -d 'Print the completion script of a shell'
complete -c mfsupgrade -n "__fish_mfsupgrade_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand plan" -l format -d 'Text for people, or JSON for machines (docs/schedule-format.md)' -r -f -a "text\t'For people'
json\t'For machines'"
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand plan" -l mode -d 'Rolling or full-stop, whatever the plan says' -r -f -a "rolling\t'One chunkserver at a time; the file system stays in use'
full-stop\t'Master down, all chunkservers at once, a wait, master up'"
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand plan" -l color -d 'Colour: on a terminal only (auto), always or never; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand plan" -l observe -d 'Look at the cluster (read-only) and show the schedule with what was found'
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand plan" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand check" -l format -d 'Text for people, or JSON for machines' -r -f -a "text\t'For people'
json\t'For machines'"
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand check" -l mode -d 'Rolling or full-stop, whatever the plan says' -r -f -a "rolling\t'One chunkserver at a time; the file system stays in use'
full-stop\t'Master down, all chunkservers at once, a wait, master up'"
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand check" -l color -d 'Colour: on a terminal only (auto), always or never; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand check" -s v -l verbose -d 'Show notes that need no action, too'
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand upgrade" -l mode -d 'Rolling or full-stop, whatever the plan says' -r -f -a "rolling\t'One chunkserver at a time; the file system stays in use'
full-stop\t'Master down, all chunkservers at once, a wait, master up'"
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand upgrade" -l abandon -d 'Begin although the run RUN was left unfinished on this cluster, here or elsewhere; never while it is active. It cannot be resumed afterwards' -r
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand upgrade" -l log -d 'How the run is shown: a live view on a terminal and plain lines elsewhere (auto), or JSON lines on stdout' -r -f -a "auto\t'Live on a terminal, plain elsewhere'
plain\t'A line an event on stderr'
json\t'A JSON object an event on stdout (docs/events.md)'"
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand upgrade" -l state-dir -d 'Where runs are kept [default: mfsupgrade below the XDG state folder]' -r -F
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand upgrade" -l color -d 'Colour: on a terminal only (auto), always or never; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand upgrade" -s y -l yes -d 'Do not ask'
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand upgrade" -l dry-run -d 'The same as `mfsupgrade plan`: show the schedule, contact no host'
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand upgrade" -s v -l verbose -d 'In plain lines, show the output of install commands too, and notes that need no action'
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand upgrade" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand status" -l format -d 'Text for people, or JSON for machines' -r -f -a "text\t'For people'
json\t'For machines'"
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand status" -l state-dir -d 'Where runs are kept [default: mfsupgrade below the XDG state folder]' -r -F
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand status" -l color -d 'Colour: on a terminal only (auto), always or never; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand resume" -l plan -d 'The plan file, if it is not the one that the run began with. If the plan has changed since, the difference is shown, and followed if it only concerns steps that were not begun' -r -F
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand resume" -l abandon -d 'Begin although the run RUN was left unfinished on this cluster, here or elsewhere; never while it is active. It cannot be resumed afterwards' -r
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand resume" -l log -d 'How the run is shown: a live view on a terminal and plain lines elsewhere (auto), or JSON lines on stdout' -r -f -a "auto\t'Live on a terminal, plain elsewhere'
plain\t'A line an event on stderr'
json\t'A JSON object an event on stdout (docs/events.md)'"
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand resume" -l state-dir -d 'Where runs are kept [default: mfsupgrade below the XDG state folder]' -r -F
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand resume" -l color -d 'Colour: on a terminal only (auto), always or never; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand resume" -s y -l yes -d 'Do not ask; a question about the metadata is then answered with --accept-metadata or not at all'
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand resume" -l as-begun -d 'Resume with the plan as it was when the run began, whatever its file says now'
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand resume" -l accept-metadata -d 'Accept the metadata that the master serves, even if it has fewer files or is older than before: the answer for a run that stopped with this question'
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand resume" -s v -l verbose -d 'In plain lines, show the output of install commands too, and notes that need no action'
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand resume" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand rollback" -l format -d 'With --dry-run: text for people, or JSON for machines (docs/schedule-format.md)' -r -f -a "text\t'For people'
json\t'For machines'"
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand rollback" -l abandon -d 'Begin although the run RUN was left unfinished on this cluster, here or elsewhere; never while it is active. It cannot be resumed afterwards' -r
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand rollback" -l log -d 'How the run is shown: a live view on a terminal and plain lines elsewhere (auto), or JSON lines on stdout' -r -f -a "auto\t'Live on a terminal, plain elsewhere'
plain\t'A line an event on stderr'
json\t'A JSON object an event on stdout (docs/events.md)'"
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand rollback" -l state-dir -d 'Where runs are kept [default: mfsupgrade below the XDG state folder]' -r -F
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand rollback" -l color -d 'Colour: on a terminal only (auto), always or never; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand rollback" -s y -l yes -d 'Do not ask'
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand rollback" -l dry-run -d 'Look at the hosts (read-only) and show the schedule; change nothing'
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand rollback" -l accept-metadata -d 'Accept the metadata that the master serves, even if it has fewer files than before: the answer where the check asks whether it is the right one'
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand rollback" -l any-time -d 'Do not wait for the plan\'s window'
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand rollback" -s v -l verbose -d 'In plain lines, show the output of install commands too, and notes that need no action'
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand rollback" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand rehearse" -l mode -d 'Rolling or full-stop, whatever the plan says' -r -f -a "rolling\t'One chunkserver at a time; the file system stays in use'
full-stop\t'Master down, all chunkservers at once, a wait, master up'"
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand rehearse" -l speed -d 'How many times faster than real the time runs' -r
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand rehearse" -l least-eio -d 'How long a mount without a master is patient at least, in seconds of this machine: for one that is very busy' -r
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand rehearse" -l fault -d 'Let something go wrong on a host; may be given several times' -r
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand rehearse" -l kill -d 'Kill the run\'s process (SIGKILL) right after the Nth record of its journal, resume it, and compare the result with an uninterrupted run; `every`: before and after each record' -r
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand rehearse" -l log -d 'How the run is shown: a live view on a terminal and plain lines elsewhere (auto), or JSON lines on stdout' -r -f -a "auto\t'Live on a terminal, plain elsewhere'
plain\t'A line an event on stderr'
json\t'A JSON object an event on stdout (docs/events.md)'"
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand rehearse" -l color -d 'Colour: on a terminal only (auto), always or never; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand rehearse" -l rollback -d 'Bring the old release back afterwards, as `rollback` does'
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand rehearse" -l keep -d 'Leave the cluster running afterwards, and tell how to reach it'
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand rehearse" -s v -l verbose -d 'In plain lines, show the output of install commands too, and notes that need no action'
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand rehearse" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand explain" -l color -d 'Colour: on a terminal only (auto), always or never; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand completions" -l color -d 'Colour: on a terminal only (auto), always or never; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand help; and not __fish_seen_subcommand_from plan check upgrade status resume rollback rehearse explain completions help" -f -a "plan" -d 'Show every step, command, gate and wait; contacts no host unless --observe is given'
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand help; and not __fish_seen_subcommand_from plan check upgrade status resume rollback rehearse explain completions help" -f -a "check" -d 'Look at every host and the master, and tell what blocks an upgrade; changes nothing'
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand help; and not __fish_seen_subcommand_from plan check upgrade status resume rollback rehearse explain completions help" -f -a "upgrade" -d 'Upgrade the cluster: look at it, show what will happen, ask, and do it'
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand help; and not __fish_seen_subcommand_from plan check upgrade status resume rollback rehearse explain completions help" -f -a "status" -d 'Tell where a run is, from its journal and events; contacts no host'
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand help; and not __fish_seen_subcommand_from plan check upgrade status resume rollback rehearse explain completions help" -f -a "resume" -d 'Resume a stopped run at the first unfinished step'
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand help; and not __fish_seen_subcommand_from plan check upgrade status resume rollback rehearse explain completions help" -f -a "rollback" -d 'Bring the old release back: take back what a run has changed, whether it finished or stopped in the middle'
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand help; and not __fish_seen_subcommand_from plan check upgrade status resume rollback rehearse explain completions help" -f -a "rehearse" -d 'Try the whole upgrade on a simulated cluster on this machine'
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand help; and not __fish_seen_subcommand_from plan check upgrade status resume rollback rehearse explain completions help" -f -a "explain" -d 'Explain the code of a finding, of a refused plan, or of an exit: what it means, and whether and how it can be accepted'
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand help; and not __fish_seen_subcommand_from plan check upgrade status resume rollback rehearse explain completions help" -f -a "completions" -d 'Print the completion script of a shell'
complete -c mfsupgrade -n "__fish_mfsupgrade_using_subcommand help; and not __fish_seen_subcommand_from plan check upgrade status resume rollback rehearse explain completions help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
