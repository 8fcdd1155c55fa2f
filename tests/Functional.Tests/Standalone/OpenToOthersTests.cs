using System.Diagnostics;
using System.Globalization;
using Tracking.Servers;
using Tracking.ServiceDefaults.Hosting;
using Tracking.Standalone;

namespace Tracking.Functional.Tests.Standalone;

/// <summary>A data folder, or a secret in it, that another user owns or can reach stops the start.</summary>
public sealed class OpenToOthersTests : IDisposable
{
    private const UnixFileMode FileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly TemporaryFolder _folder = new();
    private readonly string _data;

    public OpenToOthersTests()
    {
        _data = _folder.In("data");
        Directory.CreateDirectory(_data, RestartedStandalone.OwnerOnly);
    }

    private static string Me => FileOwner.CurrentUser.ToString(CultureInfo.InvariantCulture);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(UnixFileMode.GroupRead, "0740")]
    [InlineData(UnixFileMode.GroupExecute, "0710")]
    [InlineData(UnixFileMode.OtherWrite, "0702")]
    [InlineData(UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute,
        "0755")]
    public void A_folder_that_others_may_enter_is_refused(UnixFileMode more, string mode)
    {
        File.SetUnixFileMode(_data, RestartedStandalone.OwnerOnly | more);

        AssertRefused($"the data folder {_data} is open to other users (mode {mode})", $"chmod 700 {_data}");

        // The folder is still empty, and the remedy of the message works.
        Assert.Empty(Directory.EnumerateFileSystemEntries(_data));
        File.SetUnixFileMode(_data, RestartedStandalone.OwnerOnly);
        DataFolder.Open(_data).Dispose();
    }

    [Fact]
    public void A_folder_is_looked_at_behind_a_link()
    {
        File.SetUnixFileMode(_data, RestartedStandalone.OwnerOnly | UnixFileMode.OtherRead);
        Directory.CreateSymbolicLink(_folder.In("link"), _data);

        var refused = Assert.Throws<StartUpException>(() => DataFolder.Open(_folder.In("link")));

        Assert.Contains("(mode 0704)", refused.Message, StringComparison.Ordinal);
        File.SetUnixFileMode(_data, RestartedStandalone.OwnerOnly);
        using var opened = DataFolder.Open(_folder.In("link"));
        Assert.Equal(_data, opened.Path);
    }

    [Fact]
    public async Task A_folder_of_another_user_is_refused_also_by_root()
    {
        // Only root can change an owner. Other users use a folder of root.
        var foreign = Environment.IsPrivilegedProcess ? _data : "/usr/share";
        if (Environment.IsPrivilegedProcess)
        {
            await GiveAwayAsync(_data);
        }

        var refused = Assert.Throws<StartUpException>(() => DataFolder.Open(foreign));

        Assert.Contains($"the data folder {foreign} belongs to user ", refused.Message, StringComparison.Ordinal);
        Assert.EndsWith($"chown -R {Me} {foreign}", refused.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(foreign, "lock")));
    }

    [Theory]
    [InlineData("master.key")]
    [InlineData("admin.key")]
    [InlineData("edge-tls.pem")]
    [InlineData("postgres.password")]
    public async Task A_secret_that_others_may_read_is_refused(string name)
    {
        var file = Path.Combine(_data, name);
        await File.WriteAllTextAsync(file, "secret", TestContext.Current.CancellationToken);
        foreach (var (more, mode) in (ReadOnlySpan<(UnixFileMode, string)>)
            [(UnixFileMode.GroupRead, "0640"), (UnixFileMode.OtherRead, "0604"), (UnixFileMode.OtherWrite, "0602")])
        {
            File.SetUnixFileMode(file, FileMode | more);
            AssertRefused($"{file} is open to other users (mode {mode})", $"chmod 600 {file}");
        }

        File.SetUnixFileMode(file, FileMode);
        DataFolder.Open(_data).Dispose();
    }

    [Fact]
    public async Task A_secret_is_looked_at_behind_a_link_and_a_link_to_nothing_is_no_missing_key()
    {
        var file = Path.Combine(_data, "master.key");
        var target = _folder.In("vault");
        File.CreateSymbolicLink(file, target);
        AssertRefused($"{file} is a link to {target}, where there is no file");
        Assert.NotNull(new FileInfo(file).LinkTarget);

        await File.WriteAllTextAsync(target, "secret", TestContext.Current.CancellationToken);
        File.SetUnixFileMode(target, FileMode | UnixFileMode.OtherRead);
        AssertRefused("(mode 0604)", $"chmod 600 {file}");

        File.SetUnixFileMode(target, FileMode);
        DataFolder.Open(_data).Dispose();
    }

    [Fact]
    public async Task A_secret_of_another_user_is_refused_also_by_root()
    {
        var file = Path.Combine(_data, "admin.key");
        if (Environment.IsPrivilegedProcess)
        {
            await File.WriteAllTextAsync(file, "secret", TestContext.Current.CancellationToken);
            File.SetUnixFileMode(file, FileMode);
            await GiveAwayAsync(file);
        }
        else
        {
            File.CreateSymbolicLink(file, "/etc/passwd");
        }

        AssertRefused($"{file} belongs to user ", $"chown {Me} {file}");
    }

    private static async Task GiveAwayAsync(string path)
    {
        // 65534 is the user nobody on Linux.
        using var chown = Process.Start("chown", ["65534", path]);
        await chown.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, chown.ExitCode);
    }

    private void AssertRefused(params string[] expected)
    {
        var refused = Assert.Throws<StartUpException>(() => DataFolder.Open(_data));
        Assert.All(expected, text => Assert.Contains(text, refused.Message, StringComparison.Ordinal));
        Assert.DoesNotContain('\n', refused.Message);
    }
}
