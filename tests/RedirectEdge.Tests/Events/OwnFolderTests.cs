using Tracking.RedirectEdge.Events;
using Tracking.ServiceDefaults.Hosting;

namespace Tracking.RedirectEdge.Tests.Events;

public sealed class OwnFolderTests : IDisposable
{
    private const UnixFileMode FolderMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode FileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode Group = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute;
    private const UnixFileMode Others = UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    private readonly DirectoryInfo _parent = Directory.CreateTempSubdirectory("tracking-");

    public void Dispose() => _parent.Delete(recursive: true);

    [Fact]
    public void Everything_in_a_new_folder_is_its_owners_alone()
    {
        var path = Path.Combine(_parent.FullName, "edge");
        using (var folder = EdgeFolder.Open(path))
        {
            folder.MarkEmpty();
            folder.WriteChecked("copy", [1, 2, 3]);
            OwnFile.Open(Path.Combine(folder.SpoolPath, "segment"), System.IO.FileMode.CreateNew, FileAccess.Write)
                .Dispose();
        }

        Assert.Equal(FolderMode, File.GetUnixFileMode(path));
        Assert.Equal(FolderMode, File.GetUnixFileMode(Path.Combine(path, "spool")));
        var files = Directory.GetFiles(path, "*", SearchOption.AllDirectories);
        Assert.Equal(6, files.Length);
        Assert.All(files, file => Assert.Equal(FileMode, File.GetUnixFileMode(file)));
    }

    [Fact]
    public void A_folder_of_an_earlier_version_is_closed_to_others_and_goes_on()
    {
        var path = Path.Combine(_parent.FullName, "edge");
        Guid id;
        using (var folder = EdgeFolder.Open(path))
        {
            id = folder.EdgeId;
        }

        File.SetUnixFileMode(path, FolderMode | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
        File.SetUnixFileMode(Path.Combine(path, "spool"), FolderMode | Others);

        using var again = EdgeFolder.Open(path);

        Assert.Equal(id, again.EdgeId);
        Assert.Equal(FolderMode, File.GetUnixFileMode(path));
        Assert.Equal(FolderMode, File.GetUnixFileMode(Path.Combine(path, "spool")));
    }

    [Fact]
    public void The_group_of_a_volume_keeps_what_it_has()
    {
        // The mode that the kubelet gives a volume with fsGroup.
        const UnixFileMode Volume = FolderMode | Group | UnixFileMode.SetGroup;
        var path = Path.Combine(_parent.FullName, "edge");
        Directory.CreateDirectory(path);
        File.SetUnixFileMode(path, Volume | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);

        using var folder = EdgeFolder.Open(path);

        Assert.Equal(Volume, File.GetUnixFileMode(path));
    }

    [Theory]
    [InlineData(0, Group, 1654, false, "a claim's mount point, 2770 root:fsgroup")]
    [InlineData(0, Group | Others, 1654, false, "an emptyDir's, 2777 root:fsgroup")]
    [InlineData(1000, Group, 1654, false, "filled under another number, ours by its group")]
    [InlineData(1000, Group | Others, 1654, true, "anybody may change what is in it")]
    [InlineData(1000, UnixFileMode.OtherWrite, 1654, true, "likewise")]
    [InlineData(1000, UnixFileMode.None, 0, true, "its owner could lead root elsewhere")]
    [InlineData(1000, Group, 0, true, "likewise")]
    public void Whether_a_folder_that_is_not_ours_is_refused(
        uint owner, UnixFileMode more, uint user, bool isRefused, string why)
    {
        Assert.True(
            isRefused == OwnFolder.IsSomebodyElses(new FileOwner(owner, FolderMode | more), user),
            why);
    }
}
