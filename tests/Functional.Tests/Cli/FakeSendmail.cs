using Tracking.Servers;

namespace Tracking.Functional.Tests.Cli;

/// <summary>A sendmail command that stores its input and then runs the test's shell lines.</summary>
internal sealed class FakeSendmail : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    /// <param name="ending">The last shell lines, which decide the exit code. The message is in <c>$folder/message</c>.
    /// </param>
    public FakeSendmail(string ending = "exit 0")
    {
        File.WriteAllText(
            Path,
            $"""
            #!/bin/sh
            folder={_folder.In("")}
            stat -L -c %F /dev/stdin >> $folder/kind
            printf '%s\n' "$@" > $folder/arguments
            cat > $folder/message
            echo >> $folder/runs
            {ending}

            """);
        File.SetUnixFileMode(Path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    public string Path => _folder.In("sendmail");

    public int Runs => Has("runs") ? File.ReadAllLines(_folder.In("runs")).Length : 0;

    public string[] Arguments => File.ReadAllText(_folder.In("arguments"))[..^1].Split('\n');

    public byte[] Message => File.ReadAllBytes(_folder.In("message"));

    /// <summary>The kind of its standard input.</summary>
    public string InputKind => File.ReadLines(_folder.In("kind")).First();

    public bool Has(string file) => File.Exists(_folder.In(file));

    public void Put(string file) => File.WriteAllText(_folder.In(file), "");

    public void Dispose() => _folder.Dispose();
}
