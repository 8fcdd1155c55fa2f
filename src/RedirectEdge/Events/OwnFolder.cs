using Tracking.ServiceDefaults.Hosting;

namespace Tracking.RedirectEdge.Events;

/// <summary>
/// A folder of the edge's: made so that its owner alone may enter it, and closed to others where it was there before.
/// The group keeps what it has: on a volume of Kubernetes (<c>fsGroup</c>) it is how the process gets in.
/// </summary>
internal static class OwnFolder
{
    private const UnixFileMode OwnerOnly =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>Makes it, or closes and checks the one that is there.</summary>
    /// <param name="path">The folder; a symbolic link counts as what it leads to.</param>
    /// <param name="setting">The setting that named it, for the message.</param>
    /// <exception cref="StartUpException">Another user may change what is in it.</exception>
    /// <exception cref="IOException">It could not be made.</exception>
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

    // Root's is the mount point of a volume, whose mode is the platform's, and root reads everything anyway. Another
    // user's may be a volume that was filled under another number and is ours by its group; not when we are root, who
    // needs no group, and whom the owner could lead elsewhere by a link.
    internal static bool IsSomebodyElses(FileOwner found, uint user) =>
        user == 0 || (found.User != 0 && found.Mode.HasFlag(UnixFileMode.OtherWrite));
}
