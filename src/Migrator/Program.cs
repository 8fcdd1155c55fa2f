using Tracking.Migrator;
using Tracking.ServiceDefaults.Hosting;

return await StartUp.RunOrExplainAsync(async () =>
{
    var builder = StartUp.CreateBuilder(args);
    builder.AddMigrator();
    await using var app = builder.Build();
    app.CheckBeforeStart();
    await app.Services.GetRequiredService<PrepareDatabase>().RunAsync(CancellationToken.None);
});
