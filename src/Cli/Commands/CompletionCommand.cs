using System.CommandLine;

namespace Tracking.Cli.Commands;

/// <summary><c>trackctl completion bash|zsh|fish</c>: prints a script with which the shell completes commands and
/// options. The script asks trackctl for the words, by the parser's directive <c>[suggest]</c>.</summary>
internal static class CompletionCommand
{
    private const string Bash =
        """
        # trackctl completion bash > /etc/bash_completion.d/trackctl
        _trackctl() {
            local IFS=$'\n'
            local words="$("${COMP_WORDS[0]}" "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null)"
            COMPREPLY=($(compgen -W "${words}" -- "${COMP_WORDS[COMP_CWORD]}"))
        }
        complete -F _trackctl trackctl
        """;

    private const string Zsh =
        """
        #compdef trackctl
        # trackctl completion zsh > "${fpath[1]}/_trackctl"
        _trackctl() {
            local -a found
            found=("${(@f)$("${words[1]}" "[suggest:${CURSOR}]" "${BUFFER}" 2>/dev/null)}")
            compadd -a found
        }
        compdef _trackctl trackctl
        """;

    private const string Fish =
        """
        # trackctl completion fish > ~/.config/fish/completions/trackctl.fish
        complete -f -c trackctl -a "(trackctl '[suggest:'(commandline -C)']' (commandline -cp) 2>/dev/null)"
        """;

    public static Command Create()
    {
        var shell = new Argument<string>("shell") { Description = "bash, zsh or fish" };
        shell.AcceptOnlyFromAmong("bash", "zsh", "fish");
        var command = new Command("completion", "Prints a script that makes a shell complete commands.") { shell };
        command.SetAction(parsed =>
        {
            parsed.InvocationConfiguration.Output.WriteLine(parsed.GetValue(shell) switch
            {
                "bash" => Bash,
                "zsh" => Zsh,
                _ => Fish,
            });
            return ExitCode.Done;
        });
        return command;
    }
}
