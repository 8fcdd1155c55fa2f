using System.CommandLine;
using System.Text.Json.Nodes;

namespace Tracking.Cli.Commands.Doctor;

/// <summary><c>trackctl doctor</c>: checks the operator's own names and their records. It asks DNS, the certificate
/// authorities and the ports, but no service of this product.</summary>
internal static class DoctorCommand
{
    public static Command Create(Connection connection)
    {
        var files = new Option<string[]>("--env-file")
        {
            Description = "A file of NAME=VALUE lines with the services' settings, beside those of the environment; "
                + "may be given more than once",
            HelpName = "FILE",
        };
        var command = new Command(
            "doctor", "Says whether your own names and their DNS records are as they should be; ends with 3 when not.")
        {
            files,
        };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var terminal = new Terminal(
                parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error, connection.Json(parsed));
            if (DoctorSettings.Read(parsed.GetValue(files) ?? [], out var problem) is not { } settings)
            {
                terminal.Complain(problem);
                return ExitCode.Usage;
            }

            var rows = await CheckAsync(settings, cancellationToken);
            var isSound = rows.TrueForAll(row => row.State != RowState.Wrong);
            Print(terminal, settings, rows, isSound);
            return isSound ? ExitCode.Done : ExitCode.WrongState;
        });
        return command;
    }

    private static async Task<List<DoctorRow>> CheckAsync(DoctorSettings settings, CancellationToken cancellationToken)
    {
        var dns = new AskDns(settings);
        var (rows, addresses) = await CheckNames.RunAsync(dns, settings, cancellationToken);
        rows.AddRange(await CheckPorts.RunAsync(addresses, settings.Ports, cancellationToken));
        rows.AddRange(await CheckAuthorities.RunAsync(dns, settings, cancellationToken));
        rows.AddRange(await CheckSender.RunAsync(dns, settings, cancellationToken));
        return rows;
    }

    private static void Print(Terminal terminal, DoctorSettings settings, List<DoctorRow> rows, bool isSound)
    {
        if (terminal.Json)
        {
            var shown = new JsonObject();
            foreach (var (name, value) in settings.Shown())
            {
                shown[name] = value;
            }

            terminal.Document(new JsonObject
            {
                ["sound"] = isSound,
                ["settings"] = shown,
                ["rows"] = new JsonArray([.. rows.Select(row => row.ToJson())]),
            });
            return;
        }

        foreach (var (name, value) in settings.Shown())
        {
            terminal.Line($"{name}={value}");
        }

        terminal.Line("");
        foreach (var row in rows)
        {
            row.WriteTo(terminal);
        }

        terminal.Line("");
        terminal.Line(isSound ? "Everything that is needed is there."
            : $"{rows.Count(row => row.State == RowState.Wrong)} of {rows.Count} are wrong.");
    }
}
