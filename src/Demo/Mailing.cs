namespace Tracking.Demo;

/// <summary>A message of the demo shop, and the visits to it.</summary>
/// <param name="Letter">The kind of mail.</param>
/// <param name="Recipient">The recipient's address.</param>
/// <param name="SentAt">When the message was sent.</param>
/// <param name="Visits">The clicks and opens.</param>
public sealed record Mailing(Letter Letter, string Recipient, DateTimeOffset SentAt, IReadOnlyList<Visit> Visits)
{
    private const int Readers = 300;
    private const int ReceiptsADay = 34;

    private static readonly string[] _names =
        ["anna", "j.silva", "tom", "mei", "olu", "piotr", "sofia", "ahmed", "lars", "ines", "noor", "kim"];

    /// <summary>The mail of two weeks: two newsletters a week, and receipts every day. The first week is for comparison
    /// with the second.</summary>
    /// <param name="now">The end of the two weeks.</param>
    public static IReadOnlyList<Mailing> OfTwoWeeks(DateTimeOffset now)
    {
        var random = new Random(20);
        var visits = new Visits(random);
        var mailings = new List<Mailing>();
        for (var day = now.Date.AddDays(-14); day <= now.Date; day = day.AddDays(1))
        {
            var morning = new DateTimeOffset(day, TimeSpan.Zero).AddHours(9);
            if (day.DayOfWeek is DayOfWeek.Tuesday or DayOfWeek.Friday)
            {
                var letter = day.DayOfWeek == DayOfWeek.Tuesday ? Letter.Tuesday : Letter.Friday;
                mailings.AddRange(Enumerable.Range(0, Readers).Select(reader => Make(
                    letter, reader, morning.AddSeconds(reader * 40))));
            }

            mailings.AddRange(Enumerable.Range(0, ReceiptsADay).Select(_ => Make(
                Letter.Receipt, random.Next(Readers), morning.AddHours(-2).AddMinutes(random.Next(15 * 60)))));
        }

        return [.. mailings.Where(mailing => mailing.SentAt < now)];

        Mailing Make(Letter letter, int reader, DateTimeOffset at) =>
            new(letter, Address(reader), at, [.. visits.Of(letter, at, now)]);
    }

    /// <summary>Mail that is sent now. All its visits follow at once.</summary>
    /// <param name="now">When the mail is sent.</param>
    public static IReadOnlyList<Mailing> OfNow(DateTimeOffset now)
    {
        var visits = new Visits(new Random(20));
        return
        [
            .. Enumerable.Range(0, Readers / 2).Select(reader => new Mailing(
                reader % 4 == 0 ? Letter.Receipt : Letter.Friday, Address(reader), now,
                [.. visits.Of(reader % 4 == 0 ? Letter.Receipt : Letter.Friday, now, DateTimeOffset.MaxValue)])),
        ];
    }

    private static string Address(int reader) =>
        $"{_names[reader % _names.Length]}{(reader < _names.Length ? "" : reader / _names.Length)}@example.com";
}
