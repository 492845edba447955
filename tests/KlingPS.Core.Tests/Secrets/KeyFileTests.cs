using System.Text;
using CsCheck;
using KlingPS.Core.Secrets;

namespace KlingPS.Core.Tests.Secrets;

public sealed class KeyFileTests : IDisposable
{
    private const string Key = "0123456789abcdef0123456789abcdef";

    private readonly string _folder = Directory.CreateTempSubdirectory("klingps-key").FullName;

    public static TheoryData<byte[]> Forms => new(
        Encoding.UTF8.GetBytes(Key),
        Encoding.UTF8.GetBytes($"  {Key}\r\n"),
        Encoding.UTF8.GetBytes($"\uFEFF{Key}\n\n"),
        [.. Encoding.Unicode.GetPreamble(), .. Encoding.Unicode.GetBytes(Key + "\r\n")],
        [.. Encoding.BigEndianUnicode.GetPreamble(), .. Encoding.BigEndianUnicode.GetBytes(Key)]);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Forms))]
    public void A_key_is_read_however_an_editor_or_a_shell_has_saved_it(byte[] content)
    {
        using ApiKey key = KeyFile.Read(Create(content));

        Assert.True(key.Matches(Key));
    }

    [Theory]
    [InlineData("", "is empty")]
    [InlineData("\r\n \uFEFF", "is empty")]
    [InlineData(Key + "\n" + Key, "has a line break in it")]
    [InlineData("KIE_API_KEY=" + Key, "begins with a name and an equals sign")]
    [InlineData("\"" + Key + "\"", "has a quotation mark around it")]
    [InlineData("Bearer " + Key, "begins with a part of an HTTP header")]
    public void What_is_no_key_is_told_by_the_name_of_the_file_alone(string content, string expected)
    {
        string path = Create(Encoding.UTF8.GetBytes(content));

        string message = Refuse(path).Message;

        Assert.StartsWith($"The file '{path}', which the environment variable KIE_API_KEY_FILE names for the API key, ", message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.DoesNotContain(Key[..8], message, StringComparison.Ordinal);
    }

    [Fact]
    public void No_error_shows_what_is_in_the_file()
        => Gen.Byte.Array[1, 400].Sample(
            content =>
            {
                string secret = new string('~', 4) + "SECRET" + Convert.ToHexString(content);
                string path = Create([.. Encoding.UTF8.GetBytes(secret), .. content, .. "\n\u0001"u8]);
                try
                {
                    KeyFile.Read(path).Dispose();
                }
                catch (KlingException exception)
                {
                    Assert.DoesNotContain("SECRET", exception.ToString(), StringComparison.Ordinal);
                }
                finally
                {
                    File.Delete(path);
                }
            },
            iter: 100);

    [Fact]
    public void A_file_that_is_longer_than_any_key_is_not_read_to_its_end()
        => Assert.Contains("has more than 4,096 bytes", Refuse(Create(new byte[5000])).Message, StringComparison.Ordinal);

    [Fact]
    public void A_file_that_is_not_there_is_told()
        => Assert.EndsWith("is not there.", Refuse(Path.Combine(_folder, "none")).Message, StringComparison.Ordinal);

    [Fact]
    public void A_folder_is_no_key()
        => Assert.Contains("is a folder, not an ordinary file", Refuse(_folder).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("key.txt")]
    [InlineData("./key.txt")]
    [InlineData("~/key.txt")]
    public void A_path_that_is_another_file_in_every_folder_is_refused(string path)
        => Assert.Contains("Set the variable to the full path of the file", Refuse(path).Message, StringComparison.Ordinal);

    [Fact]
    public void The_key_itself_in_place_of_its_path_is_not_repeated()
    {
        string message = Refuse(Key).Message;

        Assert.Contains("KIE_API_KEY_FILE does not hold a path, but something that may be a key", message, StringComparison.Ordinal);
        Assert.DoesNotContain(Key, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0b110_100_100, "other users (its mode is 0644)")]
    [InlineData(0b110_100_000, "other members of its group (its mode is 0640)")]
    [InlineData(0b110_000_010, "other users (its mode is 0602)")]
    public void A_file_that_others_can_open_is_refused_with_what_to_do(int mode, string expected)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no modes.");
        string path = Create(Encoding.UTF8.GetBytes(Key), (UnixFileMode)mode);

        string message = Refuse(path).Message;

        Assert.Contains($"is open to {expected}. Leave it to its owner alone: chmod 600 '{path}'.", message, StringComparison.Ordinal);
        Assert.DoesNotContain(Key, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0b110_000_000)]
    [InlineData(0b100_000_000)]
    public void A_file_of_the_users_own_is_read_through_the_links_of_Kubernetes(int mode)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need a right of their own on Windows.");
        string version = Directory.CreateDirectory(Path.Combine(_folder, "..2026_11_26_02_15_00.123456789")).FullName;
        File.Move(Create(Encoding.UTF8.GetBytes(Key), (UnixFileMode)mode), Path.Combine(version, "kie"));
        File.CreateSymbolicLink(Path.Combine(_folder, "..data"), Path.GetFileName(version));
        File.CreateSymbolicLink(Path.Combine(_folder, "kie"), Path.Combine("..data", "kie"));

        using ApiKey key = KeyFile.Read(Path.Combine(_folder, "kie"));

        Assert.True(key.Matches(Key));
    }

    [Fact]
    public void A_link_to_nothing_names_what_it_leads_to()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need a right of their own on Windows.");
        string path = Path.Combine(_folder, "kie");
        File.CreateSymbolicLink(path, Path.Combine("..data", "kie"));

        Assert.Contains($"is a link to '{Path.Combine("..data", "kie")}', where nothing is", Refuse(path).Message, StringComparison.Ordinal);
    }

    private static KlingException Refuse(string path) => Assert.Throws<KlingException>(() => KeyFile.Read(path));

    private string Create(byte[] content, UnixFileMode mode = UnixFileMode.UserRead | UnixFileMode.UserWrite)
    {
        string path = Path.Combine(_folder, Guid.NewGuid().ToString("N"));
        File.WriteAllBytes(path, content);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, mode);
        }

        return path;
    }
}
