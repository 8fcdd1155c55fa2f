using Tracking.ServiceDefaults.Hosting;

namespace Tracking.RedirectEdge.Events;

/// <summary>
/// A folder of the edge. A new folder is made for its owner alone, and an existing folder is closed to others. The
/// group keeps its rights: on a volume of Kubernetes (<c>fsGroup</c>) the process has access through the group.
/// </summary>
internal static class OwnFolder
{
    private const UnixFileMode OwnerOnly =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>Makes the folder, or closes and checks the existing one.</summary>
    /// <param name="path">The folder; a symbolic link stands for its target.</param>
    /// <param name="setting">The name of the setting with the path, for the message.</param>
    /// <exception cref="StartUpException">Another user may change the folder's content.</exception>
    /// <exception cref="IOException">The folder could not be made.</exception>
    public static void Prepare(string path, string setting)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
            return;
        }

        if (!Directory.Exists(path))
        {
            Directory.CreateDirectory(path, OwnerOnly);
            return;
        }

        var found = FileOwner.Of(path);
        var user = FileOwner.CurrentUser;
        if (found.User == user)
        {
            if ((found.Mode & FileOwner.Others) != 0)
            {
                File.SetUnixFileMode(path, found.Mode & ~FileOwner.Others);
            }
        }
        else if (IsSomebodyElses(found, user))
        {
            throw new StartUpException(
                $"{setting}: {path} belongs to user {found.User} and this process runs as user {user}. Start it as that "
                + $"user, or give it the folder: chown -R {user} {path}",
                StartUp.Failed);
        }
    }

    // A folder of root is the mount point of a volume. The platform decides its mode, and root can read everything
    // anyway. A folder of another user may be a volume that was filled under another user number and that our group can
    // use. If we are root, we need no group, and the folder's owner could mislead us with a link.
    internal static bool IsSomebodyElses(FileOwner found, uint user) =>
        user == 0 || (found.User != 0 && found.Mode.HasFlag(UnixFileMode.OtherWrite));
}
