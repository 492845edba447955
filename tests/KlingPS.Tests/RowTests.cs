using System.Globalization;
using System.Management.Automation;
using System.Text.Json.Nodes;
using KlingPS.Core.Model;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

/// <summary>What rows of a CSV file and other objects say, and what the command line says.</summary>
public sealed class RowTests
{
    private const string Convert = "ConvertTo-KlingVideo -Destination $destination -PollingInterval 0.1";

    private static object In(ConnectedShell shell, params string[] images) => new { images = shell.Images(images), image = shell.Image("boat.png"), destination = shell.Destination };

    [Fact]
    public async Task A_parameter_that_beats_the_rows_is_told_of_once_with_the_columns_that_nobody_looks_at()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync(
            $"""
            $images | . {"{"} process {"{"} [pscustomobject]@{"{"} Path = $_; Prompt = 'mine'; negative_prompt = 'blur'; Duration = '10'; Model = '' {"}"} {"}"} {"}"} |
                {Convert} -Prompt default -NegativePrompt text -Model kling/v2-1-pro
            """,
            In(shell, "a.png", "b.png"))).Clean();

        string warning = Assert.Single(result.Warnings);
        Assert.Contains("not used, because the parameter is given: 'negative_prompt' (-NegativePrompt), 'Prompt' (-Prompt).", warning, StringComparison.Ordinal);
        Assert.All((await shell.RunAsync("Get-KlingVideoTask")).Of<KlingVideoTask>(), task => Assert.Equal(("default", "text", 10, "kling/v2-1-pro"), (task.Prompt, task.NegativePrompt, task.Duration, task.Model)));
    }

    [Theory]
    [InlineData("[pscustomobject]@{ Path = $other } | New-KlingVideoTask -LiteralPath $image -Prompt p", "'Path' (-LiteralPath)", null)]
    [InlineData("[pscustomobject]@{ FullName = $other } | New-KlingVideoTask -Path $image -Prompt p", "'FullName' (-Path)", null)]
    [InlineData("[pscustomobject]@{ Prompt = 'p'; tail_image_url = 'https://images.example/a.png' } | New-KlingVideoTask $image -TailImagePath $image", "'tail_image_url' (-TailImagePath)", "boat.png")]
    [InlineData("[pscustomobject]@{ Prompt = 'p'; TailImagePath = $other } | New-KlingVideoTask $image -TailImageUri 'https://images.example/b.png'", "'TailImagePath' (-TailImageUri)", "https://images.example/b.png")]
    public async Task A_parameter_that_beats_a_column_of_another_name_for_the_same_is_told_of_as_well(string script, string told, string? tail)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync(script, new { image = shell.Image("boat.png"), other = shell.Image("other.png") })).Clean();

        Assert.Contains($"not used, because the parameter is given: {told}.", Assert.Single(result.Warnings), StringComparison.Ordinal);
        KlingVideoTask task = Assert.Single(result.Of<KlingVideoTask>());
        Assert.Equal(shell.Image("boat.png"), task.SourcePath);
        Assert.Equal(tail, Path.GetFileName(task.TailImagePath) ?? task.TailImageUri);
    }

    [Fact]
    public async Task A_file_that_comes_from_a_job_or_from_Import_Clixml_is_no_row_whose_properties_are_misspelt()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync(
            """
            $serializer = [System.Management.Automation.PSSerializer]
            $file = $serializer::Deserialize($serializer::Serialize($ExecutionContext.InvokeProvider.Item.Get(@($images[0]), $true, $true)[0]))
            $row = $serializer::Deserialize($serializer::Serialize([pscustomobject] @{ Path = $images[1]; Prompt = 'p'; Duraton = 10 }))
            $file, $row | ConvertTo-KlingVideo -Prompt p -WhatIf
            """,
            In(shell, "a.png", "b.png"))).Clean();

        Assert.DoesNotContain(result.Warnings, warning => warning.Contains("'Mode'", StringComparison.Ordinal));
        Assert.Contains(result.Warnings, warning => warning.Contains("'Duraton' (did you mean Duration?)", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_null_in_a_row_of_a_database_is_a_blank_cell()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync(
            "[pscustomobject] @{ Path = $image; Prompt = 'p'; NegativePrompt = [DBNull]::Value; TailImagePath = [DBNull]::Value; Duration = [DBNull]::Value; CfgScale = [DBNull]::Value; Sound = [DBNull]::Value; Model = [DBNull]::Value } | New-KlingVideoTask",
            new { image = shell.Image("boat.png") })).Clean();

        Assert.Equal(5, Assert.Single(result.Of<KlingVideoTask>()).Duration);
    }

    [Theory]
    [InlineData("$null")]
    [InlineData("''")]
    public async Task Nothing_before_the_rows_does_not_end_the_run_for_a_prompt_that_the_rows_have(string nothing)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync($"{nothing}, [pscustomobject]@{{ Path = $images[0]; Prompt = 'p' }} | {Convert}", In(shell, "a.png"));

        Assert.Null(result.Terminating);
        Assert.StartsWith("An empty value was given instead of ", Assert.Single(result.Errors).Is("KlingRequestInvalid", ErrorCategory.InvalidArgument).Exception.Message, StringComparison.Ordinal);
        Assert.Equal("a.mp4", Assert.Single(result.Of<FileInfo>()).Name);
    }

    [Fact]
    public async Task Nothing_before_files_does_not_hide_that_there_is_no_prompt()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync($"$null, $images[0], $images[1] | {Convert}", In(shell, "a.png", "b.png"));

        Assert.StartsWith("There is no prompt.", Assert.IsType<ErrorRecord>(result.Terminating).Exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_column_that_is_called_almost_like_a_parameter_is_told_of_once()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync(
            """
            $images | . { process { [pscustomobject]@{ Path = $_; Prompt = 'p'; 'Duration ' = 10; 'Negative Prompt' = 'blur'; Destination = 'there'; Comment = 'x'; 'Model ' = '' } } } |
                ConvertTo-KlingVideo -WhatIf
            """,
            In(shell, "a.png", "b.png"))).Clean();

        Assert.Contains(
            "Columns of the input that are not read: 'Duration ' (call it Duration), 'Negative Prompt' (call it NegativePrompt), 'Destination' (give -Destination to the command instead, for all rows).",
            result.Warnings);
    }

    [Fact]
    public async Task A_misspelt_column_is_told_of_before_the_video_is_bought_without_it()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync(
            """
            $images | . { process { [pscustomobject]@{ Path = $_; Prompt = 'p'; Duraton = 10; negativ_promt = 'blur'; Resolutoin = ''; Prompt2 = 'q'; Round = 1; Comment = 'x' } } } |
                ConvertTo-KlingVideo -WhatIf
            """,
            In(shell, "a.png", "b.png"))).Clean();

        Assert.Contains(
            "Columns of the input that are not read: 'Duraton' (did you mean Duration?), 'negativ_promt' (did you mean NegativePrompt?).",
            result.Warnings);
    }

    [Theory]
    [InlineData("class Shot { [string] $Path = $image; [string] $Prompt = 'p'; [int] $Duraton = 10 } [Shot]@{ Path = $image }", "'Duraton' (did you mean Duration?)")]
    [InlineData("$file = [psobject][IO.FileInfo]$image; $file.PSObject.Properties.Add([psnoteproperty]::new('Negative Prompt', 'blur')); $file", "'Negative Prompt' (call it NegativePrompt)")]
    public async Task A_misspelt_property_of_an_object_that_was_made_for_the_command_is_told_of_too(string script, string told)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync($". {{ {script} }} | New-KlingVideoTask -Prompt p", In(shell))).Clean();

        Assert.Equal([$"Columns of the input that are not read: {told}."], result.Warnings.Where(warning => warning.StartsWith("Columns", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task The_properties_of_a_file_in_a_table_are_no_misspelt_columns()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync("[pscustomobject]@{ Mode = '-a---'; FullName = $image; Path = $image } | New-KlingVideoTask -Prompt p", In(shell))).Clean();

        Assert.Empty(result.Warnings);
    }

    [Theory]
    [InlineData("[cultureinfo]'de-DE'", "CultureInfo")]
    [InlineData("[IO.DriveInfo]'/'", "DriveInfo")]
    public async Task An_object_of_which_nothing_is_read_but_its_name_buys_no_video_of_the_prompt_alone(string input, string type)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync($"{input} | New-KlingVideoTask -Prompt p -Model kling-3.0/video", In(shell));

        string message = Assert.Single(result.Errors).Is("KlingRequestInvalid", ErrorCategory.InvalidArgument).ToString();
        Assert.Contains($"what came through the pipeline is an object of the type {type}, of which New-KlingVideoTask would read nothing but the name.", message, StringComparison.Ordinal);
        Assert.Empty(shell.Bill.Tasks);
    }

    [Fact]
    public async Task A_row_without_a_type_name_is_a_row_all_the_same()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync("$row = [pscustomobject]@{ Path = $image; Prompt = 'p' }; $row.PSObject.TypeNames.Clear(); $row | New-KlingVideoTask", In(shell))).Clean();

        Assert.Single(result.Of<KlingVideoTask>());
    }

    [Fact]
    public async Task An_object_from_a_job_of_which_nothing_is_read_but_its_name_buys_no_video_of_the_prompt_alone_either()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync(
            """
            $serializer = [System.Management.Automation.PSSerializer]
            $serializer::Deserialize($serializer::Serialize([IO.DriveInfo]'/')) | New-KlingVideoTask -Prompt p -Model kling-3.0/video
            """,
            In(shell));

        Assert.Single(result.Errors).Is("KlingRequestInvalid", ErrorCategory.InvalidArgument);
        Assert.Empty(shell.Bill.Tasks);
    }

    [Fact]
    public async Task A_row_of_a_database_is_judged_by_its_columns_alone()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        (await shell.RunAsync(
            "$table = [Data.DataTable]::new(); $null = $table.Columns.Add('Prompt'); $null = $table.Rows.Add('A sunrise as in sunrise.png'); $table.Rows | New-KlingVideoTask -Model kling-3.0/video",
            In(shell))).Clean();

        Assert.Single(shell.Bill.Tasks);
    }

    [Fact]
    public async Task A_misspelt_column_of_a_row_of_a_database_is_told_of_too()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync(
            "$table = [Data.DataTable]::new(); $null = $table.Columns.Add('Path'); $null = $table.Columns.Add('Duraton'); $null = $table.Rows.Add($image, 10); $table.Rows | New-KlingVideoTask -Prompt p",
            In(shell))).Clean();

        Assert.Equal(["Columns of the input that are not read: 'Duraton' (did you mean Duration?)."], result.Warnings);
    }

    [Fact]
    public async Task A_row_of_a_database_can_say_no_more_than_the_name_of_a_video()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync(
            "$table = [Data.DataTable]::new(); $null = $table.Columns.Add('Name'); $null = $table.Rows.Add('fox'); $table.Rows | New-KlingVideoTask -Prompt p -Model kling-3.0/video",
            In(shell))).Clean();

        Assert.Single(result.Of<KlingVideoTask>());
    }

    [Theory]
    [InlineData("[pscustomobject]@{ Path = $image; Prompt = 'p' } | New-KlingVideoTask -Prompt p")]
    [InlineData("[pscustomobject]@{ Path = $image; Prompt = 'p' } | New-KlingVideoTask -LiteralPath $image")]
    [InlineData("[pscustomobject]@{ Path = $image; Prompt = 'p'; Duration = '' } | New-KlingVideoTask -Duration 5")]
    [InlineData("[pscustomobject]@{ Path = $image; Prompt = 'p'; Comment = 'x' } | New-KlingVideoTask -Duration 5")]
    [InlineData("[pscustomobject]@{ Path = $image; Prompt = 'p'; Sound = 'false'; Duration = 5 } | New-KlingVideoTask -Duration '5' -Sound:$false")]
    [InlineData("New-KlingVideoTask $image -Prompt p")]
    [InlineData("$image | New-KlingVideoTask -Prompt p")]
    [InlineData("Get-Item $image | New-KlingVideoTask -Prompt p")]
    public async Task Nothing_is_told_where_no_column_says_anything_else(string script)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync("function Get-Item($p) { [IO.FileInfo]$p }; " + script, In(shell))).Clean();

        Assert.Empty(result.Warnings);
        Assert.Single(result.Output);
    }

    [Theory]
    [InlineData("Duration", "9.6", "'9.6' is not a whole number, and is not rounded")]
    [InlineData("Duration", "5s", "'5s' is not a whole number")]
    [InlineData("Duration", "5,0", "'5,0' is not a whole number")]
    [InlineData("Duration", "0x5", "'0x5' is not a whole number")]
    [InlineData("Duration", "5e0", "'5e0' is not a whole number")]
    [InlineData("Duration", "99999999999", "out of range")]
    [InlineData("Duration", "１０", "is not a whole number")]
    [InlineData("CfgScale", "0,5", "'0,5' is not a number")]
    [InlineData("CfgScale", "5e-1", "'5e-1' is not a number")]
    [InlineData("CfgScale", "NaN", "'NaN' is not a number")]
    [InlineData("CfgScale", "half", "'half' is not a number")]
    [InlineData("Take", "1.5", "'1.5' is not a whole number")]
    [InlineData("Take", "0", "0 is not in the range of 1 to 1000000")]
    [InlineData("CfgScale", "1.5", "1.5 is not in the range of 0 to 1")]
    [InlineData("Sound", "maybe", "'maybe' is neither true nor false")]
    public async Task A_cell_that_is_no_number_is_one_error_of_its_row_and_is_not_bought(string column, string cell, string said)
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo("de-DE");
        try
        {
            await using ConnectedShell shell = await ConnectedShell.StartAsync();

            ShellResult result = await shell.RunAsync(
                $$"""
                $bad = [pscustomobject]@{ Path = $image; Prompt = 'bad'; {{column}} = $cell }
                $bad, [pscustomobject]@{ Path = $image; Prompt = 'good'; {{column}} = '' } | ConvertTo-KlingVideo -Destination $destination -PollingInterval 0.1
                """,
                new { image = shell.Image("boat.png"), destination = shell.Destination, cell });

            Assert.Contains(said, Assert.Single(result.Errors).Exception.Message, StringComparison.Ordinal);
            Assert.Equal("good", Assert.Single(shell.Bill.Tasks).Prompt);

            ShellResult alone = await shell.RunAsync("$bad | ConvertTo-KlingVideo -Destination $destination");
            Assert.Contains(said, Assert.Single(alone.Errors).Exception.Message, StringComparison.Ordinal);
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Theory]
    [InlineData("-Duration 5, 10", "A list of 2 values is not a whole number")]
    [InlineData("-Duration @('x')", "'x' is not a whole number")]
    [InlineData("-CfgScale 0.5, 0.6, 0.7", "A list of 3 values is not a number")]
    public async Task A_list_in_place_of_a_number_is_called_that_in_the_error(string parameter, string said)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync($"ConvertTo-KlingVideo $image -Prompt 'It moves.' -Destination $destination {parameter}", In(shell));

        Assert.Contains(said, result.Terminating?.Exception.Message, StringComparison.Ordinal);
        Assert.Empty(shell.Bill.Tasks);
    }

    [Theory]
    [InlineData("'10'", "'0.5'")]
    [InlineData("' 10 '", "' 0.5 '")]
    [InlineData("'10.0'", "'.5'")]
    [InlineData("10", "0.5")]
    [InlineData("10.0", "0.5d")]
    [InlineData("10L", "'+0.50'")]
    public async Task A_number_is_the_same_from_a_cell_and_from_an_object(string duration, string scale)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync($$"""[pscustomobject]@{ Path = $image; Prompt = 'p'; Duration = {{duration}}; CfgScale = {{scale}} } | New-KlingVideoTask""", In(shell))).Clean();

        KlingVideoTask task = Assert.Single(result.Of<KlingVideoTask>());
        Assert.Equal((10, 0.5m), (task.Duration, task.CfgScale));
    }

    [Theory]
    [InlineData("-Duration 9.6")]
    [InlineData("-Duration $true")]
    [InlineData("-MaxTasks 1.6")]
    [InlineData("-MaxCredits '50,5'")]
    [InlineData("-MaxCredits NaN")]
    public async Task A_number_on_the_command_line_is_not_rounded_either(string argument)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync($"New-KlingVideoTask $image -Prompt p {argument}", In(shell));

        Assert.StartsWith("ParameterArgumentTransformationError,", result.Terminating?.FullyQualifiedErrorId, StringComparison.Ordinal);
        Assert.Equal(0, shell.Bill.CreatesReceived);
    }

    [Fact]
    public async Task The_lines_of_a_file_are_the_same_prompt_as_its_whole_text()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        await shell.RunAsync($"$null = {Convert} $image -Prompt \"It moves.`r`n`r`nIt stops.`r`n\"", In(shell));
        ShellResult lines = (await shell.RunAsync($"{Convert} $image -Prompt ('It moves.', '', 'It stops.')", In(shell))).Clean();
        ShellResult row = (await shell.RunAsync($$"""[pscustomobject]@{ Path = $image; Prompt = 'It moves.', '', 'It stops.' } | {{Convert}}""", In(shell))).Clean();

        Assert.Single(lines.Output);
        Assert.Single(row.Output);
        Assert.Equal("It moves.\n\nIt stops.", Assert.Single(shell.Bill.Tasks).Prompt);
    }

    [Theory]
    [InlineData("-Prompt ([IO.FileInfo]$image)", "is a file and not text")]
    [InlineData("-Prompt ([IO.FileInfo[]]$images)", "is a file and not text")]
    [InlineData("-Prompt @{ a = 1 }", "an object of the type Hashtable, which is not text")]
    [InlineData("-Prompt 1, 2", "is not text")]
    [InlineData("-Prompt p -NegativePrompt ([IO.FileInfo]$image)", "is a file and not text")]
    [InlineData("-Prompt ([securestring]::new())", "an object of the type SecureString, which is not text")]
    public async Task What_is_no_text_is_no_prompt(string arguments, string said)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync($"New-KlingVideoTask $image {arguments}", In(shell, "a.png", "b.png"));

        Assert.Contains(said, result.Terminating?.Exception.Message, StringComparison.Ordinal);
        Assert.Equal(0, shell.Bill.CreatesReceived);
    }

    [Theory]
    [InlineData("Prompt", "Die F\uFFFDchsin.", "boat.png': the prompt has U+FFFD")]
    [InlineData("NegativePrompt", "unsch\0rf", "the negative prompt has U+0000, a NUL character, at line 1, column 6")]
    [InlineData("Prompt", "Die FÃ¼chsin.", "'Ã¼' at line 1, column 6, which is 'ü'")]
    public async Task A_damaged_cell_is_refused_before_anything_is_uploaded(string column, string cell, string said)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        foreach (string command in (string[])["New-KlingVideoTask", Convert])
        {
            ShellResult result = await shell.RunAsync(
                $$"""$row = [pscustomobject]@{ Path = $image; Prompt = 'p' }; $row.PSObject.Properties.Remove($column); $row.PSObject.Properties.Add([psnoteproperty]::new($column, $cell)); if (-not $row.Prompt) { $row.PSObject.Properties.Add([psnoteproperty]::new('Prompt', 'p')) }; $row | {{command}}""",
                new { image = shell.Image("boat.png"), destination = shell.Destination, column, cell });

            ErrorRecord error = Assert.Single(result.Errors).Is("KlingRequestInvalid", ErrorCategory.InvalidArgument, shell.Image("boat.png"));
            Assert.Contains(said, error.Exception.Message, StringComparison.Ordinal);
        }

        Assert.Equal((0, 0), (shell.Bill.Uploads, shell.Bill.CreatesReceived));
    }

    public static TheoryData<string, string, string> DamagedTexts => new()
    {
        { "Name", "F\uFFFDchsin", "the name has U+FFFD" },
        { "Name", "F\0chsin", "the name has U+0000, a NUL character, at line 1, column 2" },
        { "Name", "F\u001B[31mchsin", "the name has U+001B, an escape character" },
        { "Name", new string('x', 1001), "the name has 1001 characters; a video is called by at most 1000" },
        { "Model", "kling-3.0\u001B[31m/video", "the id of the model has U+001B, an escape character, at line 1, column 10" },
        { "Model", "kling 3.0/video", "cannot be the id of a model" },
        { "Model", "kling‑3.0/video", "cannot be the id of a model" },
        { "Model", "kling-3.0/video\nx", "cannot be the id of a model" },
        { "CallbackUri", "https://hooks.example/\uFFFD", "the callback address has U+FFFD" },
        { "CallbackUri", "https://hooks.example/a\nb", "the callback address has a line break or a tab at line 1, column 24" },
        { "TailImageUri", "https://images.example/\u001B]0;x", "the tail image address has U+001B" },
    };

    [Theory]
    [MemberData(nameof(DamagedTexts))]
    public async Task A_damaged_name_model_or_address_is_refused_before_anything_is_uploaded(string column, string cell, string said)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        foreach (string command in (string[])["New-KlingVideoTask", Convert])
        {
            ShellResult row = await shell.RunAsync(
                $"$row = [ordered]@{"{"} Path = $column -eq 'TailImageUri' ? $image : ''; Prompt = 'p'; Model = $column -eq 'TailImageUri' ? 'kling/v2-1-pro' : 'kling-3.0/video' {"}"}; $row[$column] = $cell; [pscustomobject]$row | {command}",
                new { image = shell.Image("boat.png"), destination = shell.Destination, column, cell });

            Assert.Contains(said, Assert.Single(row.Errors).Is("KlingRequestInvalid", ErrorCategory.InvalidArgument).Exception.Message, StringComparison.Ordinal);
        }

        Assert.Equal((0, 0), (shell.Bill.Uploads, shell.Bill.CreatesReceived));
    }

    [Theory]
    [InlineData("New-KlingVideoTask -Prompt p -Model kling-3.0/video -Name \"fox $([char]0xD83E)\"")]
    [InlineData("ConvertTo-KlingVideo -Prompt p -Model kling-3.0/video -Name \"fox $([char]0xDD8A)\" -Destination $destination")]
    public async Task A_name_with_half_an_emoji_is_refused_before_it_is_paid_for(string command)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync(command, In(shell));

        Assert.Contains("half of a character", Assert.Single(result.Errors).Is("KlingRequestInvalid", ErrorCategory.InvalidArgument).Exception.Message, StringComparison.Ordinal);
        Assert.Equal(0, shell.Bill.CreatesReceived);
    }

    [Theory]
    [InlineData("Füchsin im Schnee 🦊.png")]
    [InlineData("狐と雪.png")]
    [InlineData("ثعلب.png")]
    [InlineData("Ã¼ber Â£5.png")]
    [InlineData("e\u0301te\u0301 l'anne\u0301e.png")]
    public async Task An_image_with_an_ordinary_name_in_any_language_is_bought_with_its_columns_from_a_listing(string name)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync(
            "[IO.FileInfo]$image | New-KlingVideoTask -Prompt p; [pscustomobject]@{ Name = $name; Prompt = 'q' } | New-KlingVideoTask -Model kling-3.0/video",
            new { image = shell.Image(name), name = Path.GetFileNameWithoutExtension(name) })).Clean();

        Assert.Equal(2, result.Output.Count);
    }

    [Theory]
    [InlineData("kling/v2-1-master-image-to-video", 501, 500)]
    [InlineData("kling/v2-1-standard", 501, 500)]
    [InlineData("kling/v2-1-pro", 501, 500)]
    [InlineData("kling/v2-5-turbo-image-to-video-pro", 2497, 2496)]
    public async Task A_negative_prompt_that_is_too_long_is_told_with_its_length_and_the_limit_of_the_model(string model, int length, int limit)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync("ConvertTo-KlingVideo $image -Prompt p -Model $model -NegativePrompt $text -Destination $destination", new { image = shell.Image(), model, text = " " + new string('x', length) + "\r\n", destination = shell.Destination });

        ErrorRecord error = Assert.Single(result.Errors).Is("KlingRequestInvalid", ErrorCategory.InvalidArgument);
        Assert.Contains($"the negative prompt has {length} characters; {model} takes at most {limit}.", error.Exception.Message, StringComparison.Ordinal);
        Assert.Equal(0, shell.Bill.Uploads);
    }

    [Theory]
    [InlineData("$images | ConvertTo-KlingVideo 'a prompt'", "… | ConvertTo-KlingVideo -Prompt 'a prompt'.")]
    [InlineData("$images | ConvertTo-KlingVideo 'It''s a prompt'", "… | ConvertTo-KlingVideo -Prompt 'It''s a prompt'.")]
    [InlineData("$images | ConvertTo-KlingVideo 'a prompt' videos", "… | ConvertTo-KlingVideo -Prompt 'a prompt' -Destination 'videos'.")]
    [InlineData("$images | ConvertTo-KlingVideo 'a prompt' -Destination videos", "… | ConvertTo-KlingVideo -Prompt 'a prompt'.")]
    [InlineData("[IO.FileInfo[]]$images | New-KlingVideoTask 'a prompt'", "… | New-KlingVideoTask -Prompt 'a prompt'.")]
    [InlineData("$images | New-KlingVideoTask 'a prompt' -Prompt p", "Leave -Path out.")]
    [InlineData("$images | Test-KlingImage 'no file'", "was used as -Path")]
    [InlineData("$images | Measure-KlingVideoCost 'no file'", "was used as -Path")]
    public async Task A_prompt_in_the_place_of_the_path_is_one_error_that_says_what_to_write(string script, string said)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync(script, In(shell, "a.png", "b.png", "c.png"));

        Assert.Empty(result.Errors);
        Assert.Contains(said, result.Terminating.Is("KlingRequestInvalid", ErrorCategory.InvalidArgument).Exception.Message, StringComparison.Ordinal);
        Assert.Equal(0, shell.Bill.Uploads);
    }

    [Fact]
    public async Task A_row_of_empty_cells_as_spreadsheets_leave_at_the_end_is_told_as_that()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync("[pscustomobject]@{ Path = ''; Prompt = '' } | ConvertTo-KlingVideo -Destination $to", new { to = shell.Destination });

        Assert.StartsWith("Nothing was bought for a row that names no image: the prompt is empty", Assert.Single(result.Errors).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Images_that_come_in_two_ways_are_one_error()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync("[IO.FileInfo[]]$images | ConvertTo-KlingVideo $image 'a prompt'", In(shell, "a.png", "b.png"));

        Assert.Empty(result.Errors);
        Assert.Contains("Give all of them in one of the two ways", result.Terminating.Is("KlingRequestInvalid", ErrorCategory.InvalidArgument).Exception.Message, StringComparison.Ordinal);
        Assert.Equal(0, shell.Bill.Uploads);
    }

    [Fact]
    public async Task Rows_may_bring_a_prompt_each_for_one_image()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync("[pscustomobject]@{ Prompt = 'one' }, [pscustomobject]@{ Prompt = 'two' } | New-KlingVideoTask -Path $image", In(shell))).Clean();

        Assert.Equal(["one", "two"], result.Of<KlingVideoTask>().Select(task => task.Prompt));
    }

    [Fact]
    public async Task What_was_added_to_a_file_is_read_as_a_column_is()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync(
            $"$files = $images | . {"{"} process {"{"} $ExecutionContext.InvokeProvider.Item.Get($_) {"}"} {"}"}; $files[1].PSObject.Properties.Add([psnoteproperty]::new('multi_shots', 'true')); $files | {Convert} -Prompt p",
            In(shell, "a.png", "b.png"));

        Assert.Contains("'multi_shots' asks for several shots", Assert.Single(result.Errors).ToString(), StringComparison.Ordinal);
        Assert.Equal("a.mp4", Assert.Single(result.Of<FileInfo>()).Name);
    }

    [Theory]
    [InlineData("Shot = 'A fox runs.; It stops.'", "several shots")]
    [InlineData("Shot = @(@{ prompt = 'a'; duration = 3 })", "several shots")]
    [InlineData("multi_prompt = '[]'", "several shots")]
    [InlineData("multi_shots = 'true'", "several shots")]
    [InlineData("Elements = 'fox'", "elements")]
    [InlineData("kling_elements = 'fox'", "elements")]
    [InlineData("BackgroundSource = 'image'", "background")]
    [InlineData("ImagePath = 'fox.png'", "names an image")]
    [InlineData("Image = 'fox.png'", "names an image")]
    public async Task A_column_that_asks_for_what_is_not_offered_is_refused_before_anything_is_bought(string column, string problem)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        foreach (string command in (string[])[Convert, "New-KlingVideoTask"])
        {
            ShellResult result = await shell.RunAsync(
                $"""
                [pscustomobject]@{"{"} Path = ''; Prompt = 'It moves.'; Model = 'kling-3.0/video'; {column} {"}"},
                    [pscustomobject]@{"{"} Path = ''; Prompt = '{command}'; Model = 'kling-3.0/video'; Shot = ''; multi_shots = 'false'; Elements = $null; Image = ' ' {"}"} | {command}
                """,
                In(shell));

            string message = Assert.Single(result.Errors).ToString();
            Assert.Contains("Nothing was bought for 'It moves.': its column", message, StringComparison.Ordinal);
            Assert.Contains(problem, message, StringComparison.Ordinal);
            Assert.Single(result.Output);
        }

        Assert.DoesNotContain(shell.Bill.Tasks, task => task.Prompt == "It moves.");
    }

    [Theory]
    [InlineData("[pscustomobject]@{ File = 'sunrise.jpg'; Prompt = 'p' }", "File")]
    [InlineData("[pscustomobject]@{ Datei = ' Sunrise.JPEG '; Prompt = 'p' }", "Datei")]
    [InlineData("[pscustomobject]@{ Picture = [IO.FileInfo]'sunrise.heic'; Prompt = 'p' }", "Picture")]
    [InlineData("[pscustomobject]@{ Link = 'https://images.example/fox.png?size=2'; Prompt = 'p' }", "Link")]
    [InlineData("[pscustomobject]@{ Frames = 'a.png', 'b.png'; Prompt = 'p' }", "Frames")]
    [InlineData("[pscustomobject]@{ pa_th = 'sunrise'; Prompt = 'p' }", "pa_th")]
    [InlineData("[pscustomobject]@{ 'Image Path' = 'sunrise'; Prompt = 'p' }", "Image Path")]
    [InlineData("[pscustomobject]@{ Name = 'sunrise.jpg' }", "Name")]
    [InlineData("[pscustomobject]@{ Count = 2; Name = '.jpg' }", "Name")]
    [InlineData("$(class GroupInfo { [object] $Group; [string] $Name } [GroupInfo]@{ Name = 'photos'; Group = [Collections.ObjectModel.Collection[psobject]]@([IO.FileInfo]'sunrise.jpg') })", "Group")]
    [InlineData("$(class GroupInfo { [object] $Group; [string] $Name } [GroupInfo]@{ Name = 'x'; Group = [Collections.ObjectModel.Collection[psobject]]@([pscustomobject]@{ Path = 'sunrise.jpg' }) })", "Group")]
    public async Task A_row_with_an_image_that_nobody_reads_is_refused_before_a_video_without_it_is_bought(string row, string column)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        foreach (string command in (string[])[Convert, "New-KlingVideoTask"])
        {
            string prompt = row.Contains("Prompt", StringComparison.Ordinal) ? string.Empty : "-Prompt p";
            ShellResult result = await shell.RunAsync($"{row} | {command} -Model kling-3.0/video {prompt}", In(shell));

            string message = Assert.Single(result.Errors).Is("KlingRequestInvalid", ErrorCategory.InvalidArgument).ToString();
            Assert.Contains($"its column '{column}' names an image", message, StringComparison.Ordinal);
            Assert.EndsWith("If no image is meant, leave the column out.", message, StringComparison.Ordinal);
        }

        Assert.Empty(shell.Bill.Tasks);
    }

    [Theory]
    [InlineData("Prompt = 'Waves.'; Notes = 'As seen in sunrise.jpg, but slower.'; Title = 'Sunrise'; Tags = 'sea', 'sun'; Done = $true; Scene = 3")]
    [InlineData("Prompt = 'Waves.'; File = ''; Paths = ' '; Picture = $null; Name = 'sunrise'")]
    [InlineData("Prompt = 'Waves as in photo.jpg'; Video = 'sunrise.mp4'; Patch = 2")]
    public async Task A_row_of_a_prompt_alone_is_bought_whatever_else_it_says(string columns)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        (await shell.RunAsync($$"""[pscustomobject]@{ Model = 'kling-3.0/video'; {{columns}} } | {{Convert}}""", In(shell))).Clean();

        Assert.Null(Assert.Single(shell.Bill.Tasks).ImageUri);
    }

    [Fact]
    public async Task A_property_that_cannot_be_read_is_no_image()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        (await shell.RunAsync(
            "$address = [psobject][ipaddress]'::1'; $address.psobject.Properties.Add([psnoteproperty]::new('Name', 'x')); $address | New-KlingVideoTask -Prompt p -Model kling-3.0/video")).Clean();

        Assert.Single(shell.Bill.Tasks);
    }

    [Fact]
    public async Task An_image_that_only_another_command_reads_is_not_left_out_of_a_video()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync(
            $"New-KlingVideoTask $image 'It moves.' -Model kling-3.0/video | {Convert}; [pscustomobject]@{"{"} ImageUri = 'https://images.example/fox.png'; Prompt = 'p'; Model = 'kling-3.0/video' {"}"} | {Convert}",
            In(shell));

        Assert.All(result.Errors, error => Assert.Contains("names an image that ConvertTo-KlingVideo does not read", error.ToString(), StringComparison.Ordinal));
        Assert.Equal(2, result.Errors.Count);
        Assert.Single(shell.Bill.Tasks);
    }

    [Theory]
    [InlineData("New-KlingVideoTask -Path $null -Prompt p -Model kling-3.0/video")]
    [InlineData("New-KlingVideoTask '' p -Model kling-3.0/video")]
    [InlineData("ConvertTo-KlingVideo -Path $unset -Prompt p -Model kling-3.0/video -Destination $destination")]
    [InlineData("[pscustomobject]@{ Prompt = 'p' } | ConvertTo-KlingVideo -Path $unset -Model kling-3.0/video -Destination $destination")]
    public async Task A_path_that_turns_out_empty_does_not_buy_a_video_without_the_image(string script)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync(script, In(shell));

        Assert.Contains("-Path is empty", result.Terminating?.ToString(), StringComparison.Ordinal);
        Assert.Equal(0, shell.Bill.CreatesReceived);
    }

    public static TheoryData<string> ReadersOfTables { get; } =
    [
        "ConvertTo-KlingVideo -Destination $destination",
        "ConvertTo-KlingVideo -Prompt p -Model kling-3.0/video -Destination $destination",
        "New-KlingVideoTask -Prompt p -Model kling-3.0/video",
        "Measure-KlingVideoCost",
        "Test-KlingImage",
        "Send-KlingImage",
    ];

    [Fact]
    public async Task Rows_without_a_path_are_no_choices_and_that_is_one_error()
    {
        using var shell = new HostedShell();

        ShellResult result = await shell.RunAsync("[pscustomobject]@{ Datei = 'a' }, [pscustomobject]@{ Datei = 'b' }, @{ Path = 'c' } | Import-KlingGalleryChoice");

        Assert.Equal(2, result.Errors.Count);
        Assert.All(result.Errors, error => Assert.EndsWith("It reads Path, LiteralPath.", error.Is("KlingRequestInvalid", ErrorCategory.InvalidArgument).ToString(), StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(ReadersOfTables))]
    public async Task A_table_that_was_read_with_another_delimiter_is_one_error_that_says_so(string command)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        var variables = new { images = shell.Images("a.png", "b.png", "c.png"), destination = shell.Destination };

        ShellResult result = await shell.RunAsync($$"""$images | . { process { [pscustomobject]@{ 'Path;Prompt' = "$_;p" } } } | {{command}}""", variables);

        ErrorRecord error = Assert.Single(result.Errors).Is("KlingRequestInvalid", ErrorCategory.InvalidArgument);
        Assert.Contains("The only one that came is 'Path;Prompt'.", error.ToString(), StringComparison.Ordinal);
        Assert.Contains("Import-Csv -Delimiter ';'", error.ToString(), StringComparison.Ordinal);
        Assert.Contains("It reads Path, ", error.ToString(), StringComparison.Ordinal);
        Assert.Null(result.Terminating);
        Assert.Empty(result.Output);
        Assert.Equal((0, 0), (shell.Bill.Uploads, shell.Bill.CreatesReceived));

        ShellResult right = (await shell.RunAsync($$"""$images | . { process { [pscustomobject]@{ Path = $_; Prompt = 'p' } } } | {{command}}""")).Clean();
        Assert.NotEmpty(right.Output);
    }

    [Theory]
    [InlineData("[pscustomobject]@{ \"Path`tPrompt\" = 'x' }", "Import-Csv -Delimiter \"`t\"")]
    [InlineData("[pscustomobject]@{ 'Path | Prompt' = 'x' }", "Import-Csv -Delimiter '|'")]
    [InlineData("[pscustomobject]@{ 'Image' = 'x'; 'Path ' = 'a.png' }", "'Path ' (call it Path)")]
    [InlineData("[pscustomobject]@{ Datei = 'x'; Text = 'y' }", "Those that came are 'Datei', 'Text'. If the file has columns that are read, its delimiter may be another one")]
    [InlineData("[pscustomobject]@{ \"Da`e[2Jtei\" = 'x' }", "'Da<U+001B>[2Jtei'")]
    [InlineData("[pscustomobject]@{}", "An object without properties came through the pipeline")]
    [InlineData("@{ Path = $image; Prompt = 'p' }", "Make it an object: [pscustomobject]@{ … }")]
    [InlineData("[ordered]@{ Path = $image; Prompt = 'p' }", "Make it an object: [pscustomobject]@{ … }")]
    [InlineData("[System.Text.StringBuilder]::new('x')", "is an object of the type StringBuilder, and has no property that")]
    public async Task What_the_command_can_read_nothing_of_is_told_with_what_came_and_the_others_go_on(string input, string said)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync(
            $$"""{{input}}, [pscustomobject]@{ Path = $image; Prompt = 'p' }, {{input}} | {{Convert}}""",
            new { image = shell.Image("boat.png"), destination = shell.Destination });

        ErrorRecord error = Assert.Single(result.Errors).Is("KlingRequestInvalid", ErrorCategory.InvalidArgument);
        Assert.Contains(said, error.ToString(), StringComparison.Ordinal);
        Assert.EndsWith(" Nothing was bought.", error.ToString(), StringComparison.Ordinal);
        Assert.Single(result.Output);
        Assert.Equal("p", Assert.Single(shell.Bill.Tasks).Prompt);
    }

    [Fact]
    public async Task Each_row_that_cannot_be_read_is_in_the_report()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string report = Path.Combine(shell.Folder, "report.json");

        ShellResult result = await shell.RunAsync(
            $$"""
            [pscustomobject]@{ 'Path;Prompt' = "$image;p" }, [pscustomobject]@{ Path = $image; Prompt = 'p' }, [pscustomobject]@{ 'Path;Prompt' = "$image;q" } |
                {{Convert}} -ReportPath $report
            """,
            new { image = shell.Image("boat.png"), destination = shell.Destination, report });

        Assert.Single(result.Errors);
        JsonNode said = JsonNode.Parse(await File.ReadAllTextAsync(report))!;
        Assert.Equal(["Refused KlingRequestInvalid", "Made ", "Refused KlingRequestInvalid"], said["items"]!.AsArray().Select(item => $"{item!["result"]} {item["errorId"]}"));
        Assert.Equal(2, (int)said["exitCode"]!);
    }
}
