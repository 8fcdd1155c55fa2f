using Tracking.ServiceDefaults.Hosting;

namespace Tracking.Standalone;

/// <summary>
/// Refuses a data folder that somebody else owns or may enter, and secrets in it that somebody else owns or may read,
/// and says what puts it right. Nothing is put right here: who could read a key may have it.
/// </summary>
/// <remarks>
/// The same for root: a folder's owner can put a link where root is about to write. What a symbolic link leads to is
/// what counts, not the link.
/// </remarks>
internal static class CheckSecrets
{
    /// <summary>Checks the folder, before anything in it is opened.</summary>
    /// <exception cref="StartUpException">It is another user's, or open to others.</exception>
    public static void Folder(string path)
    {
        var found = FileOwner.Of(path);
        if (found.User != FileOwner.CurrentUser)
        {
            throw new StartUpException(
                $"the data folder {path} belongs to user {found.User} and this process runs as user "
                + $"{FileOwner.CurrentUser}. Start it as that user, or give it the folder: "
                + $"chown -R {FileOwner.CurrentUser} {path}",
                StartUp.Failed);
        }

        if ((found.Mode & FileOwner.GroupAndOthers) != 0)
        {
            throw new StartUpException(
                $"the data folder {path} is open to other users (mode {found.Octal}) and holds keys and addresses. "
                + $"Close it: chmod 700 {path}",
                StartUp.Failed);
        }
    }

    /// <summary>Checks the secrets that are there.</summary>
    /// <exception cref="StartUpException">One is another user's, open to others, or a link to nothing.</exception>
    public static void In(DataFolder folder)
    {
        foreach (var path in (ReadOnlySpan<string>)[folder.MasterKey, folder.AdminKey, folder.EdgeCertificate])
        {
            if (FileOwner.Find(path) is { } found)
            {
                Owner(path, found);
                Mode(path, found);
            }
            else if (new FileInfo(path).LinkTarget is { } nothing)
            {
                // No reason to make a new key: what it leads to is not mounted now.
                throw new StartUpException(
                    $"{path} is a link to {nothing}, where there is no file. Put the file there, or remove the link.",
                    StartUp.Failed);
            }
        }

        // Given to PostgreSQL's user when we are root.
        if (FileOwner.Find(folder.DatabasePassword) is { } password)
        {
            Mode(folder.DatabasePassword, password);
        }
    }

    private static void Owner(string path, FileOwner found)
    {
        if (found.User != FileOwner.CurrentUser)
        {
            throw new StartUpException(
                $"{path} belongs to user {found.User} and this process runs as user {FileOwner.CurrentUser}. "
                + $"Give it the file: chown {FileOwner.CurrentUser} {path}",
                StartUp.Failed);
        }
    }

    private static void Mode(string path, FileOwner found)
    {
        if ((found.Mode & FileOwner.GroupAndOthers) != 0)
        {
            throw new StartUpException(
                $"{path} is open to other users (mode {found.Octal}). Close it: chmod 600 {path}",
                StartUp.Failed);
        }
    }
}
