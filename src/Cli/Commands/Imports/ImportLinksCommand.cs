using System.CommandLine;
using System.Globalization;
using nietras.SeparatedValues;

namespace Tracking.Cli.Commands.Imports;

/// <summary><c>trackctl import links</c>: imports links of any system from CSV.</summary>
internal static class ImportLinksCommand
{
    private const string Part = "rows";

    public static Command Create(Connection connection)
    {
        var file = new Argument<string>("file")
        {
            Description = "CSV with a header: host, path, destination; and optionally message, recipient, sender, tag, "
                + "sent_at. Separated by , ; or TAB",
        };
        var options = ImportCommand.Options();
        var command = new Command("links", "Takes over links of any system from a CSV file.") { file };
        options.AddTo(command);
        command.SetAction((parsed, cancellationToken) => connection.RunAsync(
            parsed, parsed.GetValue(options.Cluster)!, (api, cluster, terminal) =>
        {
            var input = new FileInfo(parsed.GetValue(file)!);
            if (!input.Exists)
            {
                terminal.Complain($"{input.FullName} is not there.");
                return Task.FromResult(ExitCode.Usage);
            }

            var source = string.Create(
                CultureInfo.InvariantCulture, $"{input.FullName} {input.Length} {input.LastWriteTimeUtc:O}");
            return options.RunAsync(
                parsed, api, cluster, source, terminal,
                (send, progress) => ReadAsync(input.FullName, send, progress, terminal, cancellationToken));
        }, cancellationToken));
        return command;
    }

    private static async Task<int> ReadAsync(
        string file, SendLinks send, ImportProgress progress, Terminal terminal, CancellationToken cancellationToken)
    {
        using var reader = Sep.Reader(options => options with { Unescape = true, DisableColCountCheck = true })
            .FromFile(file);
        if (Columns.Of(reader.Header) is not { } columns)
        {
            terminal.Complain($"{file}: the first line must name the columns host, path and destination; it names "
                + $"{string.Join(", ", reader.Header.ColNames)}.");
            return ExitCode.Usage;
        }

        var done = progress.Of(Part);
        long row = 0;
        while (reader.MoveNext())
        {
            if (++row <= done)
            {
                continue;
            }

            if (columns.Read(reader.Current) is { } link)
            {
                send.Add(link);
            }
            else
            {
                send.LeaveOut("malformed", Where(reader.Current));
            }

            if (send.IsFull)
            {
                if (await send.SendAsync(cancellationToken) is var code and not ExitCode.Done)
                {
                    return code;
                }

                progress.Set(Part, row);
            }
        }

        var last = await send.SendAsync(cancellationToken);
        if (last == ExitCode.Done)
        {
            progress.Set(Part, row);
        }

        return last;
    }

    private static string Where(SepReader.Row row) =>
        string.Create(CultureInfo.InvariantCulture, $"line {row.LineNumberFrom}");

    private sealed record Columns(
        int Host, int Path, int Destination, int Message, int Recipient, int Sender, int Tag, int SentAt)
    {
        public static Columns? Of(SepReaderHeader header)
        {
            int At(params string[] names) => header.ColNames.ToList().FindIndex(column => names.Contains(
                column.Trim().TrimStart('\ufeff'), StringComparer.OrdinalIgnoreCase));

            var columns = new Columns(
                At("host"), At("path"), At("destination", "url"), At("message"), At("recipient"), At("sender"), At("tag"),
                At("sent_at", "sentAt"));
            return columns is { Host: >= 0, Path: >= 0, Destination: >= 0 } ? columns : null;
        }

        public OtherLink? Read(SepReader.Row row)
        {
            if (Text(row, Host) is not { } host || Text(row, Path) is not { } path
                || Text(row, Destination) is not { } destination)
            {
                return null;
            }

            DateTimeOffset? sentAt = null;
            if (Text(row, SentAt) is { } sent)
            {
                if (!DateTimeOffset.TryParse(
                    sent, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time))
                {
                    return null;
                }

                sentAt = time;
            }

            return new OtherLink(Where(row), host, path, destination)
            {
                Message = Text(row, Message),
                Recipient = Text(row, Recipient),
                Sender = Text(row, Sender),
                Tag = Text(row, Tag),
                SentAt = sentAt,
            };
        }

        private static string? Text(SepReader.Row row, int column) =>
            column >= 0 && column < row.ColCount && row[column].ToString().Trim() is { Length: > 0 } text ? text : null;
    }
}
