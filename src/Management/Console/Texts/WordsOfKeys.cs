namespace Tracking.Management.Console.Texts;

internal static partial class Words
{
    /// <summary>API keys.</summary>
    internal static class KeysPage
    {
        public const string AdminTitle = "Admin keys";
        public const string Lead = "One key for each program, so that one can be replaced without the others. A key opens this cluster and no other.";
        public const string AdminLead =
            "An admin key opens every cluster. Give programs that send mail a key of their cluster instead.";
        public const string Name = "Name";
        public const string Created = "Made";
        public const string NameHint = "What will use it, for example \"MTA in Porto\".";
        public const string Make = "Make a key";
        public const string New = "Your new key, shown this once";
        public const string NewText = "Copy it now and keep it as a secret. Nobody can show it again; if it is lost, make another and revoke this one.";
        public const string Revoke = "Revoke…";
        public const string RevokeNow = "Revoke now";
        public const string RevokeText = "What uses it is refused within 5 seconds. This cannot be undone.";
        public const string ThisSession = "this session";
        public const string Revoked = "The key is revoked. It stops within 5 seconds everywhere.";
        public const string Empty = "No key yet. The first one lets your mail server hand over messages.";

        public static string Command(string cluster) => $"trackctl keys create --cluster {cluster} \"MTA in Porto\"";
    }
}
