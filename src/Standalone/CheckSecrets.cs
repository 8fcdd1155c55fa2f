using Tracking.ServiceDefaults.Hosting;

namespace Tracking.Standalone;

/// <summary>
/// Refuses a data folder that another user owns or may enter, and secrets in it that another user owns or may read. The
/// message has the remedy. Nothing is corrected automatically, because another user may already have read a key.
/// </summary>
/// <remarks>The same rules hold for root: a folder's owner can put a link at the place where root will write. For a
/// symbolic link its target counts.</remarks>
internal static class CheckSecrets
{
    /// <summary>Checks the folder before any file in it is opened.</summary>
    /// <exception cref="StartUpException">The folder belongs to another user, or is open to others.</exception>
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

    /// <summary>Checks the existing secrets.</summary>
    /// <exception cref="StartUpException">A secret belongs to another user, is open to others, or is a link without a
    /// target.</exception>
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
                // A new key must not be made: the link's target is only not mounted at present.
                throw new StartUpException(
                    $"{path} is a link to {nothing}, where there is no file. Put the file there, or remove the link.",
                    StartUp.Failed);
            }
        }

        // If we are root, the file belongs to PostgreSQL's user.
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
