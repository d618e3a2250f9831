from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('artifacts', '0014_piece_times'),
    ]

    operations = [
        migrations.AddField(
            model_name='piecetimes',
            name='page',
            field=models.BinaryField(null=True),
        ),
    ]
