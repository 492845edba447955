using System.Management.Automation;
using System.Text.Json.Nodes;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Ledger.Sqlite;
using KlingPS.Core.Model;
using KlingPS.Core.Submitting;
using KlingPS.Sandbox;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

public sealed class NewKlingVideoTaskTests
{
    /// <summary>The prompt of the example in the service's own documentation.</summary>
    private const string SeedPrompt =
        "宇航员瞬间穿过散发着光芒的魔法木门完成瞬移。采用手持跟踪镜头，相机保持在宇航员斜后上方 5–10 米处，呈现流畅的第三人称追逐视角。整体画面以超写实为基底，每个场景具备独特艺术风格，场景切换时伴随明亮的传送门光晕闪帧效果，细节拉满，8K 分辨率，搭配史诗级管弦乐背景音。通过高帧率插值实现流畅的动态效果与利落的瞬间转场。特写镜头：身着白色宇航服的宇航员从脚下发光的传送门中急速坠落。\n第一次转场：乐高风格阿尔卑斯山，高饱和度日光下，雪山峰峦与山谷尽收眼底，宇航员坠落过程中，下一个传送门开启。\n第二次转场：亚马逊雨林，茂密的树冠与河流在下方延展，宇航员坠落，传送门再次开启。\n第三次转场：古埃及风格，壁画质感的吉萨金字塔，沙漠与尼罗河铺展于下，宇航员坠落，传送门开启。\n第四次转场：抽象黑白水墨风格，下方是中国长城，宇航员坠落，最后一个传送门开启。\n第五次转场：纽约夜景，写实风格的深色城市天际线，璀璨的城市灯光与帝国大厦相映，宇航员优雅悬停。全程相机保持固定距离，轻微环绕运动，流畅的第三人称跟踪视角贯穿始终。每次传送门转场均伴随锐利的闪光，凸显速度感与魔幻的旅程体验，艺术风格与场景位置的切换极具冲击力。";

    [Fact]
    public async Task Tasks_come_in_the_order_of_the_images_however_the_service_finishes_with_them()
    {
        var clock = new ManualClock();
        await using ConnectedShell shell = await ConnectedShell.StartAsync(clock);
        shell.Fault(SandboxOperation.Create, SandboxFaultKind.Delay, match: "shot 0", delay: TimeSpan.FromSeconds(1));
        using RunningScript running = shell.Shell.Start(
            "0..3 | ForEach-Object { [pscustomobject]@{ Path = $images[$_]; Prompt = \"shot $_\" } } | New-KlingVideoTask",
            new { images = shell.Images("0.png", "1.png", "2.png", "3.png") });

        // The first is held back while the others are accepted: they are worked on at the same time.
        await clock.WaitedForAsync();
        await Eventually.TrueAsync(() => shell.Bill.CreatesAccepted == 3);
        Assert.DoesNotContain(shell.Bill.Tasks, task => task.Prompt == "shot 0");
        clock.Advance(TimeSpan.FromSeconds(1));

        KlingVideoTask[] tasks = (await running.Completion).Clean().Of<KlingVideoTask>();
        Assert.Equal(["shot 0", "shot 1", "shot 2", "shot 3"], tasks.Select(task => task.Prompt));
        Assert.Equal("shot 0", shell.Bill.Tasks[^1].Prompt);
        Assert.All(tasks, task => Assert.Equal(shell.Bill.Tasks.Single(made => made.Prompt == task.Prompt).TaskId, task.TaskId));
    }

    [Fact]
    public async Task The_example_of_the_service_goes_through_with_nothing_added_but_the_number_of_the_attempt()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        KlingVideoTask task = Assert.Single((await shell.RunAsync(
            """
            New-KlingVideoTask -ImageUri 'https://file.aiquickdraw.com/custom-page/akr/section-images/1759211376283gfcw5zcy.png' -Prompt $prompt `
                -NegativePrompt '模糊、失真、画质低下' -Duration 5 -CfgScale 0.5 -TailImageUri '' -CallbackUri 'https://your-domain.com/api/callback'
            """,
            new { prompt = SeedPrompt })).Clean().Of<KlingVideoTask>());

        var sent = JsonNode.Parse(Assert.Single(shell.Bill.Tasks).Request)!;
        string nonce = CallbackNonce.Find(sent["callBackUrl"]!.GetValue<string>())!;
        var expected = new JsonObject
        {
            ["model"] = "kling/v2-5-turbo-image-to-video-pro",
            ["callBackUrl"] = $"https://your-domain.com/api/callback?klingps={nonce}",
            ["input"] = new JsonObject
            {
                ["prompt"] = SeedPrompt,
                ["image_url"] = "https://file.aiquickdraw.com/custom-page/akr/section-images/1759211376283gfcw5zcy.png",
                ["duration"] = "5",
                ["negative_prompt"] = "模糊、失真、画质低下",
                ["cfg_scale"] = 0.5,
            },
        };
        Assert.True(JsonNode.DeepEquals(expected, sent), sent.ToJsonString());
        Assert.Equal(SeedPrompt, task.Prompt);
    }

    [Fact]
    public async Task What_is_not_given_is_left_out_of_the_request()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        (await shell.RunAsync("New-KlingVideoTask $image 'It moves.'", new { image = shell.Image() })).Clean();

        JsonObject sent = JsonNode.Parse(Assert.Single(shell.Bill.Tasks).Request)!.AsObject();
        Assert.Equal(["input", "model"], sent.Select(property => property.Key).Order());
        Assert.Equal(["image_url", "prompt"], sent["input"]!.AsObject().Select(property => property.Key).Order());
    }

    [Fact]
    public async Task Rows_of_a_table_bring_their_own_parameters_and_a_blank_cell_stands_for_the_default()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string[] images = shell.Images("a.png", "b.png", "c.png", "tail.png");

        ShellResult result = (await shell.RunAsync(
            """
            [pscustomobject]@{ Path = $images[0]; Prompt = 'first'; Duration = '10'; NegativePrompt = 'blur'; CfgScale = '0.7'; TailImagePath = $images[3] },
            [pscustomobject]@{ Path = $images[1]; Prompt = 'second'; Duration = ''; NegativePrompt = ''; CfgScale = ' '; TailImagePath = '' },
            [pscustomobject]@{ Path = $images[2]; Prompt = 'third' } | New-KlingVideoTask
            """,
            new { images })).Clean();

        Assert.Equal(3, result.Output.Count);
        Assert.Empty(result.Warnings);
        Dictionary<string, JsonObject> sent = shell.Bill.Tasks.ToDictionary(task => task.Prompt, task => JsonNode.Parse(task.Request)!["input"]!.AsObject());
        Assert.Equal("10", (string?)sent["first"]["duration"]);
        Assert.Equal("blur", (string?)sent["first"]["negative_prompt"]);
        Assert.Equal(0.7m, (decimal?)sent["first"]["cfg_scale"]);
        Assert.StartsWith(shell.Server.DownloadEndpoint.AbsoluteUri, (string?)sent["first"]["tail_image_url"], StringComparison.Ordinal);
        foreach (string prompt in (string[])["second", "third"])
        {
            Assert.Contains((string?)sent[prompt]["duration"], (string?[])[null, "5"]);
            Assert.Contains((decimal?)sent[prompt]["cfg_scale"], (decimal?[])[null, 0.5m]);
            Assert.False(sent[prompt].ContainsKey("negative_prompt"));
            Assert.False(sent[prompt].ContainsKey("tail_image_url"));
        }

        Assert.Equal(4, shell.Bill.Uploads);
    }

    [Theory]
    [InlineData("Duration", "10s")]
    [InlineData("CfgScale", "half")]
    public async Task A_cell_that_is_no_number_is_refused_and_not_bought_without_it(string column, string text)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync(
            "[pscustomobject]@{ Path = $images[0]; Prompt = 'bad'; $column = $text }, [pscustomobject]@{ Path = $images[1]; Prompt = 'good'; $column = '' } | New-KlingVideoTask",
            new { images = shell.Images("a.png", "b.png"), column, text });

        Assert.Contains(text, Assert.Single(result.Errors).ToString(), StringComparison.Ordinal);
        Assert.Equal("good", Assert.Single(result.Of<KlingVideoTask>()).Prompt);
        Assert.Equal(1, shell.Bill.CreatesReceived);
    }

    [Fact]
    public async Task A_parameter_of_one_row_does_not_stay_for_the_next()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        KlingVideoTask[] tasks = (await shell.RunAsync(
            """
            [pscustomobject]@{ Path = $images[0]; Duration = 10; NegativePrompt = 'blur' }, [pscustomobject]@{ Path = $images[1] } |
                New-KlingVideoTask -Prompt 'It moves.'
            """,
            new { images = shell.Images("a.png", "b.png") })).Clean().Of<KlingVideoTask>();

        Assert.Equal([10, 5], tasks.Select(task => task.Duration));
        Assert.Equal(["blur", null], tasks.Select(task => task.NegativePrompt));
    }

    [Fact]
    public async Task Images_are_taken_as_text_wildcards_literal_names_and_files()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string[] images = shell.Images("a1.png", "a2.png", "shot [2].png", "b.png", "c.png");

        ShellResult result = (await shell.RunAsync(
            """
            New-KlingVideoTask "$folder/a?.png" 'wildcard'
            New-KlingVideoTask -LiteralPath "$folder/shot [2].png" -Prompt 'literal'
            "$folder/shot [2].png" | New-KlingVideoTask -Prompt 'from a list'
            [System.IO.FileInfo]::new("$folder/b.png") | New-KlingVideoTask -Prompt 'file'
            $ExecutionContext.InvokeProvider.Item.Get("$folder/c.png") | New-KlingVideoTask -Prompt 'item'
            """,
            new { folder = shell.Folder })).Clean();

        Assert.Equal(
            [("wildcard", images[0]), ("wildcard", images[1]), ("literal", images[2]), ("from a list", images[2]), ("file", images[3]), ("item", images[4])],
            result.Of<KlingVideoTask>().Select(task => (task.Prompt!, task.SourcePath!)));
        Assert.Equal(5, shell.Bill.Uploads);
    }

    [Fact]
    public async Task An_upload_and_an_address_are_taken_as_images()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync(
            """
            $upload = Send-KlingImage $image
            $upload
            $upload | New-KlingVideoTask -Prompt 'uploaded'
            'https://images.example/fox.png' | ForEach-Object { [pscustomobject]@{ image_url = $_ } } | New-KlingVideoTask -Prompt 'address'
            """,
            new { image = shell.Image() })).Clean();

        var upload = Assert.IsType<KlingUpload>(result.Output[0].BaseObject);
        Assert.Equal(
            [upload.ImageUri, "https://images.example/fox.png"],
            shell.Bill.Tasks.Select(task => (string)JsonNode.Parse(task.Request)!["input"]!["image_url"]!));
        Assert.Equal(1, shell.Bill.Uploads);
        Assert.Equal([upload.SourcePath, null], result.Output.Skip(1).Select(task => ((KlingVideoTask)task.BaseObject).SourcePath));
    }

    [Fact]
    public async Task The_video_of_an_upload_is_called_after_the_file_that_was_uploaded()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync(
            """
            Send-KlingImage $image | New-KlingVideoTask -Prompt 'uploaded' | Wait-KlingVideoTask -PollingInterval 0.1 | Save-KlingVideo -Destination $destination
            Get-KlingVideoTask -Source fox.png | ForEach-Object SourcePath
            """,
            new { image = shell.Image("fox.png"), destination = shell.Destination })).Clean();

        Assert.Equal("fox.mp4", Assert.IsType<FileInfo>(result.Output[0].BaseObject).Name);
        Assert.EndsWith("fox.png", Assert.IsType<string>(result.Output[1].BaseObject), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_address_is_bought_whose_file_lies_on_a_drive_that_is_not_here()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync(
            @"[pscustomobject]@{ ImageUri = 'https://images.example/fox.png'; SourcePath = 'gone:\x\fox.png' } | New-KlingVideoTask -Prompt 'It moves.'")).Clean();

        Assert.Equal(@"gone:\x\fox.png", Assert.Single(result.Of<KlingVideoTask>()).SourcePath);
    }

    [Fact]
    public async Task An_upload_whose_answer_was_lost_is_bought_again_by_its_address_whatever_has_become_of_the_file()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        shell.Fault(SandboxOperation.Create, SandboxFaultKind.LoseAnswerAfter);
        string image = shell.Image("fox.png");
        await shell.RunAsync("Send-KlingImage $image | New-KlingVideoTask -Prompt 'uploaded'", new { image });
        File.Delete(image);

        ShellResult result = (await shell.RunAsync("Get-KlingVideoTask -State Unknown | Resolve-KlingVideoTask -Resubmit -Confirm:$false")).Clean();

        KlingVideoTask task = Assert.Single(result.Of<KlingVideoTask>());
        Assert.Equal((image, KlingTaskState.Waiting), (task.SourcePath, task.TaskState));
        Assert.Equal((2, 1), (shell.Bill.CreatesAccepted, shell.Bill.Uploads));
    }

    [Fact]
    public async Task An_unknown_task_piped_back_in_is_not_bought_again()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        shell.Fault(SandboxOperation.Create, SandboxFaultKind.LoseAnswerAfter);
        string image = shell.Image();
        await shell.RunAsync("New-KlingVideoTask $image 'It moves.'", new { image });

        ShellResult again = await shell.RunAsync("Get-KlingVideoTask -State Unknown | New-KlingVideoTask");

        Assert.Single(again.Errors).Is("KlingAttemptUnknown", ErrorCategory.ConnectionError, image);
        Assert.Equal(1, shell.Bill.CreatesAccepted);
    }

    [Fact]
    public async Task A_failed_task_that_was_piped_back_in_is_not_bought_again_for_its_file()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        shell.Fault(SandboxOperation.Generate, SandboxFaultKind.FailTask);

        ShellResult result = await shell.RunAsync(
            """
            ConvertTo-KlingVideo $image 'It moves.' $to
            Get-KlingVideoTask -State Failed | New-KlingVideoTask | Out-Null
            ConvertTo-KlingVideo $image 'It moves.' $to -RetryFailed
            """,
            new { image = shell.Image(), to = shell.Destination });

        Assert.Single(result.Errors);
        Assert.IsType<FileInfo>(Assert.Single(result.Output).BaseObject);
        Assert.Equal(2, shell.Bill.CreatesAccepted);
    }

    [Theory]
    [InlineData("Send-KlingImage $image | New-KlingVideoTask -Prompt 'It moves.' | Out-Null", "")]
    [InlineData("New-KlingVideoTask -ImageUri (Send-KlingImage $image).ImageUri -Prompt 'It moves.' | Out-Null", "")]
    [InlineData("New-KlingVideoTask $image 'It moves.' -TailImageUri (Send-KlingImage $tail).ImageUri | Out-Null", "-TailImagePath $tail")]
    public async Task What_was_bought_by_the_address_of_an_upload_is_not_bought_again_for_its_file(string first, string more)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync(
            $"{first}; ConvertTo-KlingVideo $image 'It moves.' $to {more}",
            new { image = shell.Image("fox.png"), tail = shell.Image("owl.png"), to = shell.Destination })).Clean();

        Assert.Equal("fox.mp4", Assert.IsType<FileInfo>(Assert.Single(result.Output).BaseObject).Name);
        Assert.Equal(1, shell.Bill.CreatesAccepted);
    }

    [Fact]
    public async Task A_task_piped_back_in_is_bought_once_more_with_the_same_parameters()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync(
            "New-KlingVideoTask $image 'It moves.' -Duration 10; Get-KlingVideoTask | New-KlingVideoTask",
            new { image = shell.Image() })).Clean();

        Assert.All(result.Of<KlingVideoTask>(), task => Assert.Equal(("It moves.", 10), (task.Prompt, task.Duration)));
        Assert.Equal(2, shell.Bill.TasksPerImage.Values.Single());
    }

    [Fact]
    public async Task A_model_whose_price_is_not_known_is_refused_under_a_limit_of_credits()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync("New-KlingVideoTask $image 'It moves.' -Model kling/of-next-year -MaxCredits 1000000", new { image = shell.Image() });

        ErrorRecord error = Assert.Single(result.Errors);
        Assert.StartsWith("KlingBudgetExceeded", error.FullyQualifiedErrorId, StringComparison.Ordinal);
        Assert.Contains("price of the video is not known", error.Exception.Message, StringComparison.Ordinal);
        Assert.Equal((0, 0), (shell.Bill.Uploads, shell.Bill.CreatesReceived));
    }

    [Fact]
    public async Task A_scale_between_two_steps_is_rounded_with_a_warning()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync("New-KlingVideoTask $image 'It moves.' -CfgScale 0.55", new { image = shell.Image() })).Clean();

        Assert.Equal(0.6m, (decimal?)JsonNode.Parse(shell.Bill.Tasks[0].Request)!["input"]!["cfg_scale"]);
        Assert.Contains("0.55", Assert.Single(result.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public async Task When_the_credits_end_half_way_what_was_bought_comes_out_and_then_one_error_ends_it()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync(credits: 100);

        ShellResult result = await shell.RunAsync(
            "$images | New-KlingVideoTask -Prompt 'It moves.' -ErrorAction SilentlyContinue; 'not reached'",
            new { images = shell.Images([.. Enumerable.Range(0, 6).Select(i => $"{i}.png")]) });

        ErrorRecord error = result.Terminating.Is("KlingCreditsInsufficient", ErrorCategory.QuotaExceeded);
        Assert.All(LanguagePrimitives.GetEnumerable(error.TargetObject)?.Cast<object>() ?? [error.TargetObject], target => Assert.StartsWith(shell.Folder, target.ToString(), StringComparison.Ordinal));
        Assert.Contains("2 of ", error.ToString(), StringComparison.Ordinal);
        Assert.Empty(result.Errors);
        Assert.Equal(2, result.Of<KlingVideoTask>().Length);
        Assert.Equal(shell.Bill.Tasks.Select(task => task.TaskId).Order(), result.Of<KlingVideoTask>().Select(task => task.TaskId).Order());
    }

    [Theory]
    [InlineData(SandboxFaultKind.LoseAnswerAfter, 1)]
    [InlineData(SandboxFaultKind.LoseAnswerBefore, 0)]
    [InlineData(SandboxFaultKind.Garbage, 1)]
    public async Task A_lost_answer_is_told_and_the_video_is_not_asked_for_again_unless_forced(SandboxFaultKind fault, int accepted)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string[] images = shell.Images("lost.png", "fine.png");
        shell.Fault(SandboxOperation.Create, fault, match: "lost");

        ShellResult first = await shell.RunAsync(
            "0..1 | ForEach-Object { [pscustomobject]@{ Path = $images[$_]; Prompt = ('lost', 'fine')[$_] } } | New-KlingVideoTask",
            new { images });

        Assert.Contains(images[0], Assert.Single(first.Errors).Is("KlingAttemptUnknown", ErrorCategory.ConnectionError, images[0]).ToString(), StringComparison.Ordinal);
        Assert.Equal("fine", Assert.Single(first.Of<KlingVideoTask>()).Prompt);
        Assert.Equal(2, shell.Bill.CreatesReceived);
        Assert.Equal(accepted + 1, shell.Bill.CreatesAccepted);

        ShellResult second = await shell.RunAsync("New-KlingVideoTask $images[0] 'lost'");
        Assert.Single(second.Errors).Is("KlingAttemptUnknown", ErrorCategory.ConnectionError, images[0]);
        Assert.Equal(2, shell.Bill.CreatesReceived);

        Assert.Single((await shell.RunAsync("New-KlingVideoTask $images[0] 'lost' -Force")).Clean().Output);
        Assert.Equal(3, shell.Bill.CreatesReceived);
    }

    [Theory]
    [InlineData(SandboxFaultKind.LoseAnswerAfter, null)]
    [InlineData(SandboxFaultKind.HttpStatus, 302)]
    public async Task A_command_that_ends_after_a_lost_answer_does_not_say_that_nothing_was_bought(SandboxFaultKind fault, int? status)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        shell.Server.AddFault(new SandboxFault { Operation = SandboxOperation.Create, FaultKind = fault, Status = status, Match = "lost" });
        shell.Fault(SandboxOperation.Create, SandboxFaultKind.Code, match: "refused", code: 401);

        string[] images = shell.Images("lost.png", "refused.png");
        var isUnknown = new TaskCompletionSource();
        using RunningScript running = shell.Shell.Start(
            """
            & {
                [pscustomobject]@{ Path = $images[0]; Prompt = 'lost' }
                $isUnknown.Wait()
                [pscustomobject]@{ Path = $images[1]; Prompt = 'refused' }
            } | New-KlingVideoTask -ErrorAction SilentlyContinue
            """,
            new { images, isUnknown = isUnknown.Task });

        try
        {
            // The ledger is asked from here: a loop in the script keeps a processor busy until the purchase is given up.
            await using SqlLedger ledger = SqliteLedger.Create(Environment.GetEnvironmentVariable("KLINGPS_LEDGER")!, TimeProvider.System);
            var unknown = new TaskFilter { States = [KlingTaskState.Unknown] };
            await Eventually.TrueAsync(async () => (await ledger.Tasks.ListAsync(unknown, TestContext.Current.CancellationToken)).Any(task => task.SourcePath == images[0]), "the lost purchase to be unknown");
        }
        finally
        {
            isUnknown.SetResult();
        }

        ShellResult result = await running.Completion;

        string message = Assert.IsType<ErrorRecord>(result.Terminating).ToString();
        Assert.EndsWith(" It is not known whether 1 video was bought; Get-KlingVideoTask -State Unknown shows it.", message, StringComparison.Ordinal);
        Assert.DoesNotContain("Nothing was bought.", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refused_item_is_an_error_and_the_others_are_bought()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        shell.Fault(SandboxOperation.Create, SandboxFaultKind.Code, match: "wrong", code: 422);

        ShellResult result = await shell.RunAsync(
            "'good', 'wrong', 'better' | ForEach-Object { [pscustomobject]@{ Path = $image; Prompt = $_ } } | New-KlingVideoTask",
            new { image = shell.Image() });

        Assert.Single(result.Errors).Is("KlingRequestInvalid", ErrorCategory.InvalidArgument, shell.Image());
        Assert.Equal(["good", "better"], result.Of<KlingVideoTask>().Select(task => task.Prompt));
        Assert.Null(result.Terminating);
    }

    [Fact]
    public async Task WhatIf_sends_nothing()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync("$images | New-KlingVideoTask -Prompt 'It moves.' -WhatIf", new { images = shell.Images("a.png", "b.png") })).Clean();

        Assert.Empty(result.Output);
        Assert.Empty(shell.Bill.Requests);
    }
}
