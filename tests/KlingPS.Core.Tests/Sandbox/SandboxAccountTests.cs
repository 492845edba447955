using System.Net.Http.Headers;
using System.Text.Json;
using KlingPS.Sandbox;

namespace KlingPS.Core.Tests.Sandbox;

public sealed class SandboxAccountTests
{
    private static SandboxHarness Start() => new(clock => new SandboxOptions
    {
        TimeProvider = clock,
        ApiKey = "first",
        MoreKeys = ["second"],
        OtherAccounts = ["other"],
    });

    private static void Use(SandboxHarness sandbox, string key) => sandbox.Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);

    [Fact]
    public async Task A_task_answers_to_every_key_of_its_account_and_to_no_other()
    {
        await using SandboxHarness sandbox = Start();
        Use(sandbox, "first");
        string taskId = await sandbox.CreateTaskAsync();

        Use(sandbox, "second");
        Assert.Equal(200, (await sandbox.QueryAsync(taskId)).GetProperty("code").GetInt32());

        Use(sandbox, "other");
        JsonElement denied = await sandbox.QueryAsync(taskId);
        Assert.Equal((422, "recordInfo is null"), (denied.GetProperty("code").GetInt32(), denied.GetProperty("msg").GetString()));

        Use(sandbox, "nobody");
        Assert.Equal(401, (await sandbox.QueryAsync(taskId)).GetProperty("code").GetInt32());
    }

    [Fact]
    public async Task An_upload_names_the_account_and_each_account_has_a_balance_of_its_own()
    {
        await using SandboxHarness sandbox = Start();
        async Task<(string Folder, decimal Credits)> BuyAsync(string key)
        {
            Use(sandbox, key);
            var image = new Uri(await sandbox.UploadImageAsync());
            await sandbox.CreateTaskAsync(image: image.AbsoluteUri);
            return (image.Segments[2], (await sandbox.GetAsync("api/v1/chat/credit")).GetProperty("data").GetDecimal());
        }

        (string Folder, decimal Credits) first = await BuyAsync("first");
        (string Folder, decimal Credits) second = await BuyAsync("second");
        (string Folder, decimal Credits) other = await BuyAsync("other");

        Assert.Equal((first.Folder, 9_958, 9_916, 9_958), (second.Folder, first.Credits, second.Credits, other.Credits));
        Assert.NotEqual(first.Folder, other.Folder);
        SandboxBill bill = sandbox.Server.GetBill();
        Assert.Equal((3, 126, 2), (bill.CreatesAccepted, bill.CreditsHeld, bill.Tasks.Select(task => task.Account).Distinct().Count()));
        await using SandboxHarness again = Start();
        Use(again, "other");
        Assert.Equal(other.Folder, new Uri(await again.UploadImageAsync()).Segments[2]);
    }
}
